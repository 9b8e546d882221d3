#!/usr/bin/env bash
# Measures Entente, medallion and OpenTAXII beside each other on this machine, in one run,
# over loopback only. It takes some minutes, most of which the other servers take; see
# test/bench-servers.sh --help for its bounds. Set up first: test/setup.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

for venv in .cache/venv .cache/venv-medallion .cache/venv-opentaxii; do
	[ -x "$venv/bin/python" ] || { echo "bench-servers: no $venv; run test/setup.sh" >&2; exit 1; }
done
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
CGO_ENABLED=0 go build -o "$temp/entente" ./cmd/entente
PYTHONDONTWRITEBYTECODE=1 .cache/venv/bin/python test/interop/bench.py --entente "$temp/entente" "$@"
