#!/usr/bin/env bash
# Runs what the README tells a new user to run: every block marked "sh", in its order, in
# a copy of the tree and with an empty home. Only what would never end is changed: the
# demo gets --once, "make test" is what runs this script, and the server gets a free port.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$(mktemp -d "${TMPDIR:-/tmp}/entente-readme.XXXXXX")
server=
stop() {
	[ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir "$dir/tree" "$dir/home"
git ls-files -z | xargs -0 cp --parents --target-directory="$dir/tree"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 - "$dir" "$port" <<'PYTHON'
import re, sys
folder, port = sys.argv[1], sys.argv[2]
blocks = re.findall(r"^```sh\n(.*?)^```", open("README.md").read(), re.M | re.S)
assert len(blocks) == 4, f"{len(blocks)} blocks marked sh in README.md; test/readme.sh knows four"
demo, serve, use, agree = blocks
assert "go run ./cmd/entente demo" in demo and "make test" in demo, demo
demo = re.sub(r"entente demo\b", "entente demo --once", demo)
demo = re.sub(r"^make test.*$", ":", demo, flags=re.M)
assert re.search(r"entente serve .*127\.0\.0\.1:8443 &", serve), serve
for name, text in (("demo", demo), ("serve", serve), ("use", use), ("agree", agree)):
    open(f"{folder}/{name}.sh", "w").write(text.replace(":8443", ":" + port))
PYTHON

GOMODCACHE=$(go env GOMODCACHE) GOCACHE=$(go env GOCACHE) # the caches are not what is tested
export GOMODCACHE GOCACHE HOME="$dir/home"

unset ENTENTE_DATA ENTENTE_DB XDG_DATA_HOME
cd "$dir/tree"

bash -euo pipefail ../demo.sh >../demo.out
grep -q 'A wrong password' ../demo.out
grep -q 'meadow is active again' ../demo.out
echo "ok readme: the demo"

# The blocks share one shell, as they do for the reader.
set -a
# shellcheck disable=SC1091
. ../serve.sh >../serve.out 2>../serve.log
set +a
server=$!
for _ in $(seq 100); do
	! grep -q 'password  ' ../serve.out || break
	sleep 0.2
done
grep -q 'password  ' ../serve.out || { cat ../serve.out ../serve.log; exit 1; }
echo "ok readme: the first start"

. ../use.sh >../use.out 2>../use.err || { cat ../use.out ../use.err ../serve.log; exit 1; }
grep -q '"type": "indicator"' ../use.out || { cat ../use.out ../use.err; exit 1; }
grep -q 'Parcel notices' ../use.out
echo "ok readme: a collection, objects, an account, a client"

. ../agree.sh >../agree.out 2>../agree.err || { cat ../agree.out ../agree.err ../serve.log; exit 1; }
grep -q 'Delta CERT can see it' ../agree.out || { cat ../agree.out ../agree.err; exit 1; }
grep -q '"/delta/"' ../agree.out || { cat ../agree.out ../agree.err; exit 1; }
grep -q 'is sound' ../agree.out || { cat ../agree.out ../agree.err; exit 1; }
echo "ok readme: a partner, people, an agreement, the partner's client, the ledger"
