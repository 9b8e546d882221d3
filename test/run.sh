#!/usr/bin/env bash
# Runs the whole test suite, or the groups that are named:
#
#   test/run.sh [static] [go] [interop]
#
#   static   formatting, modules, go vet, staticcheck
#   go       every Go test with the race detector, on SQLite and on PostgreSQL;
#            300 trials of non-interference on each
#   interop  what the README says, and real clients against a running node
#
# It sets up what it needs first (test/setup.sh), goes on after a failed step, and ends
# with the line "N passed, M failed", which counts tests, checks and steps. It fails
# unless M is 0.
set -euo pipefail
cd "$(dirname "$0")/.."

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
passed=0 failed=0 broken=()

# step NAME COMMAND… runs one step. A command that counts its tests leaves "PASSED FAILED"
# in $temp/count; any other counts as one.
step() {
	local name=$1 ok=1 p f
	shift
	rm -f "$temp/count"
	printf '\n== %s (%d s)\n' "$name" "$SECONDS"
	"$@" || ok=0
	p=$ok f=0
	[ ! -s "$temp/count" ] || read -r p f <"$temp/count"
	if [ "$ok" = 0 ]; then
		[ "$f" -gt 0 ] || f=1
		broken+=("$name")
		echo "-- $name: failed"
	fi
	passed=$((passed + p)) failed=$((failed + f))
}

# silent COMMAND… succeeds if the command does and prints nothing.
silent() {
	local output
	if ! output=$("$@" 2>&1) || [ -n "$output" ]; then
		printf '%s\n' "$output"
		return 1
	fi
}

modules() {
	local module
	for module in . tools; do
		go -C "$module" mod verify && go -C "$module" mod tidy -diff || return 1
	done
}

# small_disk tells the tests that they can mount a disk of their own, where that is so: as
# root, or in a name space of one's own.
small_disk() {
	local who=(--map-root-user)
	[ "$(id -u)" != 0 ] || who=()
	if unshare --mount "${who[@]}" mount -t tmpfs -o size=1m none /mnt 2>/dev/null; then
		export ENTENTE_TEST_DISK=required
	else
		echo "no disk can be mounted here: TestFullDisk tries a limit on the size of files alone"
	fi
}

# go_tests runs with the race detector, except in the code that is SQLite's own, translated
# from C: it locks by itself, and watching it would double the time.
go_tests() {
	small_disk
	CGO_ENABLED=1 GORACE=atexit_sleep_ms=0 test/postgres.sh go test -json -race \
		-gcflags=modernc.org/sqlite/lib=-race=false -vet=off -count=1 -timeout=30m ./... |
		.cache/venv/bin/python test/gotest.py "$temp/count"
}

interop() {
	local ok=0
	test/postgres.sh test/interop/run.sh 2>&1 | tee "$temp/interop" || ok=1
	echo "$(grep -c '^ok ' "$temp/interop") $(grep -c '^FAILED ' "$temp/interop")" >"$temp/count"
	return "$ok"
}

group_static() {
	step "gofmt" silent gofmt -l .
	step "go.mod" modules
	step "go vet" go vet ./...
	step "staticcheck" go tool -modfile=tools/go.mod staticcheck ./...
}
# noninterference and on_postgres try 300 histories each, without the race detector: the same
# each time, so that a failure is that of the change that is tested.
noninterference() {
	"$temp/entente" selftest noninterference --trials 300 --seed 1000000 | tee -a /dev/stderr | grep -qx '300 trials, 0 differences'
}

on_postgres() {
	# shellcheck disable=SC2016
	test/postgres.sh bash -c '"$1" selftest noninterference --trials 300 --seed 1000000 --db "$ENTENTE_TEST_POSTGRES"' - "$temp/entente" |
		tee -a /dev/stderr | grep -qx '300 trials, 0 differences'
}

group_go() {
	step "go test" go_tests
	step "build" go build -o "$temp/entente" ./cmd/entente
	step "non-interference, SQLite" noninterference
	step "non-interference, PostgreSQL" on_postgres
}
readme() {
	local ok=0
	test/readme.sh 2>&1 | tee "$temp/readme" || ok=1
	echo "$(grep -c '^ok ' "$temp/readme") $ok" >"$temp/count"
	return "$ok"
}

group_interop() {
	step "README" readme
	step "real clients" interop
}

groups=("$@")
[ $# -gt 0 ] || groups=(static go interop)
for group in "${groups[@]}"; do
	declare -F "group_$group" >/dev/null || { echo "usage: test/run.sh [static] [go] [interop]" >&2; exit 2; }
done

step "setup" test/setup.sh
if [ "$failed" = 0 ]; then
	for group in "${groups[@]}"; do
		"group_$group"
	done
fi

printf '\n== done (%d s)\n' "$SECONDS"
[ "$failed" = 0 ] || printf 'failed: %s\n' "${broken[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
