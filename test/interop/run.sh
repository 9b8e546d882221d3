#!/usr/bin/env bash
# Builds the node, starts it on the loopback interface with fresh data, drives it with real
# clients that nobody here wrote, and moves objects between it and other servers. Prints a line "ok NAME" per check and ends at the
# first that fails, with "FAILED NAME" and why.
#
# It runs on SQLite, and then on PostgreSQL if ENTENTE_INTEROP_DB names an empty database
# (test/postgres.sh makes one).
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$PWD/.cache/venv/bin/python
[ -x "$python" ] || { echo "FAILED setup: no $python; run test/setup.sh" >&2; exit 1; }

temp=$(mktemp -d)
entente=$temp/entente
node_pid=

# An environment that sends loopback requests elsewhere, or trusts other certificates,
# would test something else.
unset REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR ENTENTE_DB ENTENTE_LISTEN
export NO_PROXY='127.0.0.1,localhost,::1' no_proxy='127.0.0.1,localhost,::1' PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

cleanup() {
	if [ -n "$node_pid" ]; then
		kill "$node_pid" 2>/dev/null || true
		gone 50 || kill -KILL "$node_pid" 2>/dev/null || true
	fi
	rm -rf "$temp"
}

# gone TENTHS waits that many tenths of a second for the node to end.
gone() {
	local waited=0
	while kill -0 "$node_pid" 2>/dev/null; do
		[ $((waited += 1)) -le "$1" ] || return 1
		sleep 0.1
	done
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# broken WHAT ends the run, with the end of the node's log. WHAT is empty if it was printed.
broken() {
	[ -z "$1" ] || echo "FAILED $1"
	[ ! -s "$temp/serve.log" ] || { echo "    the node's log ends:"; tail -n 25 "$temp/serve.log" | sed 's/^/    /'; }
	exit 1
}

free_port() {
	"$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# field NAME prints one field of the JSON object on its input.
field() {
	"$python" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

# serve https|http starts the node and waits until it is ready.
serve() {
	local port flags=()
	port=$(free_port)
	ENTENTE_URL=$1://127.0.0.1:$port
	ENTENTE_CAFILE=
	[ "$1" = http ] && flags=(--http) || ENTENTE_CAFILE=$ENTENTE_DATA/tls/cert.pem
	export ENTENTE_URL ENTENTE_CAFILE
	"$entente" serve --listen "127.0.0.1:$port" "${flags[@]}" >"$temp/serve.log" 2>&1 &
	node_pid=$!
	"$python" test/interop/ready.py "$ENTENTE_URL" 30 "$ENTENTE_CAFILE" || broken "$suite: the node starts ($1)"
	kill -0 "$node_pid" 2>/dev/null || broken "$suite: the node that answers is ours"
	echo "ok $suite: the node starts ($1)"
}

# stop ends the node as an operator would, and expects it to leave in good order.
stop() {
	local status=0
	kill -TERM "$node_pid"
	gone 200 || broken "$suite: the node stops within 20 s"
	wait "$node_pid" || status=$?
	node_pid=
	[ "$status" = 0 ] || broken "$suite: the node stops with exit status 0 (it was $status)"
	echo "ok $suite: the node stops"
}

# add_accounts makes the accounts that the scripts sign in with, a token, a client
# certificate, one that the node does not know, and a second API root with a collection.
add_accounts() {
	local name
	export ENTENTE_USER=writer ENTENTE_PASSWORD='a pass:word &c. with %41 + "marks"'
	for name in writer reader stranger; do
		printf '%s\n' "$ENTENTE_PASSWORD" | "$entente" account add "$name" --service --password-stdin --json | field id >/dev/null ||
			broken "$suite: account add $name"
	done
	token=$("$entente" account token writer --json | field token) || broken "$suite: account token"
	for name in writer nobody; do
		openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$name" -keyout "$temp/$name.key" -out "$temp/$name.pem" 2>"$temp/openssl.log" ||
			{ cat "$temp/openssl.log"; broken "$suite: openssl makes a certificate"; }
	done
	"$entente" account certificate writer "$temp/writer.pem" --json >/dev/null || broken "$suite: account certificate"
	"$entente" root add second --title Second --max-content-length 2000 --json >/dev/null || broken "$suite: root add"
	"$entente" collection add "In the second root" --root second --alias twin --json >/dev/null || broken "$suite: collection add --root"
	"$entente" grant writer second/twin read,write --json >/dev/null || broken "$suite: grant in the second root"
	echo "ok $suite: accounts, a token, a certificate and an API root by the command line, beside the running node"
}

# drive SCRIPT NAME runs a client script on a new collection of that name.
drive() {
	local script=$1 name=$2 id more=()
	id=$("$entente" collection add "$name" --json | field id) || broken "$suite: collection add $name"
	"$entente" grant writer "$id" read,write --json >/dev/null || broken "$suite: grant writer"
	"$entente" grant reader "$name" read --json >/dev/null || broken "$suite: grant reader"
	[ "$script" != taxii_client.py ] || more=(--token "$token" --stranger stranger --certificate "$temp/writer" --other-certificate "$temp/nobody")
	checked "$script" --collection "$id" --reader reader "${more[@]}"
}

# checked SCRIPT … runs a script and puts the suite's name into its lines.
checked() {
	local script=$1
	shift
	"$python" "test/interop/$script" "$@" | sed -u "s/^\(ok\|FAILED\) /\1 $suite: ${script%.py}: /" || broken ""
}

run_suite() {
	suite=$1
	export ENTENTE_DATA=$temp/data-$1
	serve https
	add_accounts
	drive taxii_client.py taxii-https
	drive stix2_client.py stix2-https
	drive cytaxii2_client.py cytaxii2-https
	checked realdata.py --entente "$entente"
	checked agreements.py --entente "$entente"
	checked ledger.py --entente "$entente"
	stop
	serve http # on the same data: what was made before must still be there
	drive taxii_client.py taxii-http
	drive stix2_client.py stix2-http
	drive cytaxii2_client.py cytaxii2-http
	stop
	checked servers.py --entente "$entente" "${@:2}"
}

CGO_ENABLED=0 go build -o "$entente" ./cmd/entente || broken "build"
run_suite sqlite
if [ -n "${ENTENTE_INTEROP_DB:-}" ]; then
	export ENTENTE_DB=$ENTENTE_INTEROP_DB
	run_suite postgres --brief # the other servers take their time, on any engine of the node
fi
