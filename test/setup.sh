#!/usr/bin/env bash
# Sets up what test/run.sh needs: a C compiler for the race detector, PostgreSQL's
# programs, curl, openssl, Python with the real clients in .cache/venv and two other servers
# in environments of their own, whose needs contradict each other, and the Go modules. It
# installs Debian packages where it may (as root, or with sudo) and otherwise says what is
# missing and how to get it. Running it again costs a second.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
	printf 'setup: %s\n' "$@" >&2
	exit 1
}

c_compiler_works() {
	printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' | "${CC:-gcc}" -x c -o /dev/null - 2>/dev/null
}

python_works() { # stix2 needs Python 3.10
	python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

missing_packages() {
	c_compiler_works || echo gcc libc6-dev
	python_works || echo python3 python3-venv
	test/postgres.sh --bin >/dev/null 2>&1 || echo postgresql
	command -v make >/dev/null || echo make
	command -v curl >/dev/null || echo curl
	command -v openssl >/dev/null || echo openssl
	[ -e /etc/ssl/certs/ca-certificates.crt ] || [ ! -e /etc/debian_version ] || echo ca-certificates
}

# install PACKAGE… installs Debian packages, or fails and names the command that would.
install() {
	local by_hand="apt-get update && apt-get install -y --no-install-recommends $*"
	command -v apt-get >/dev/null ||
		fail "missing: what Debian calls $*; install the like with this system's package manager"
	local root=()
	if [ "$(id -u)" != 0 ]; then
		sudo -n true 2>/dev/null || fail "missing Debian packages: $*" "as root, run: $by_hand"
		root=(sudo)
	fi
	echo "setup: installing $*"
	# Debian starts a server of its own along with PostgreSQL's programs; nobody asked for one.
	local quiet=/etc/postgresql-common/createcluster.d/entente-setup.conf
	"${root[@]}" mkdir -p "${quiet%/*}"
	echo 'create_main_cluster = false' | "${root[@]}" tee "$quiet" >/dev/null
	local status=0 output
	output=$({
		"${root[@]}" apt-get update -qq &&
			"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
	} 2>&1) || status=$?
	"${root[@]}" rm -f "$quiet"
	"${root[@]}" rmdir --ignore-fail-on-non-empty -p "${quiet%/*}" 2>/dev/null || true
	[ "$status" = 0 ] || fail "$output" "apt-get failed; by hand, as root: $by_hand"
}

command -v go >/dev/null || fail "missing: Go $(sed -n 's/^go //p' go.mod) or newer; see https://go.dev/doc/install"
go version >/dev/null || fail "this Go cannot build the module: go.mod asks for $(sed -n 's/^go //p' go.mod)"

mapfile -t missing < <(missing_packages | tr ' ' '\n')
if [ "${#missing[@]}" -gt 0 ]; then
	install "${missing[@]}"
	c_compiler_works || fail "the C compiler does not work; on Debian: apt-get install gcc libc6-dev"
	python_works || fail "Python 3.10 or newer with venv is needed, and $(python3 --version 2>&1) is here"
	test/postgres.sh --bin >/dev/null
fi

# environment VENV REQUIREMENTS MODULES makes a Python environment, unless it is there.
environment() {
	local venv=$1 requirements=test/interop/$2 modules=$3
	if cmp -s "$requirements" "$venv/requirements.txt" && "$venv/bin/python" -W ignore -c "import $modules" 2>/dev/null; then
		return
	fi
	echo "setup: installing ${modules//,/ and} into $venv"
	rm -rf "$venv"
	mkdir -p "${venv%/*}"
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" ||
		fail "the Python packages of $requirements could not be installed; pip's message above says why"
	"$venv/bin/pip" check >/dev/null || fail "the Python packages of $requirements do not fit together: $("$venv/bin/pip" check)"
	"$venv/bin/python" -W ignore -c "import $modules" || fail "the Python packages of $requirements do not work with $(python3 --version)"
	cp "$requirements" "$venv/requirements.txt" # last: a venv without it is not finished
}

environment .cache/venv requirements.txt "stix2, taxii2client, cytaxii2"
environment .cache/venv-medallion requirements-medallion.txt "medallion"
environment .cache/venv-opentaxii requirements-opentaxii.txt "opentaxii.server"

for module in . tools; do
	go -C "$module" mod download || fail "the Go modules of $module/go.mod could not be downloaded"
done
echo "setup: $(go env GOVERSION), $("$(test/postgres.sh --bin)/postgres" --version), $(python3 --version), $("${CC:-gcc}" --version | head -n 1)"
