#!/usr/bin/env bash
# Runs a command beside a private PostgreSQL server that is gone afterwards:
#
#   test/postgres.sh go test ./store/...
#   test/postgres.sh --bin                 prints where PostgreSQL's programs are, or fails
#
# The command finds two empty databases in its environment: ENTENTE_TEST_POSTGRES for the
# Go tests, whose account may create more of them, and ENTENTE_INTEROP_DB for a node. If
# ENTENTE_TEST_POSTGRES is set already, that server is used and none is started.
#
# The server listens on the loopback interface only, asks for a password that nobody else
# has, and keeps its files in a temporary directory. PG_BIN names its programs' directory
# where they are in none of the usual places.
set -euo pipefail

find_bin() {
	local dir
	for dir in "${PG_BIN:-}" $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV) "$(dirname "$(command -v initdb || echo .)")"; do
		if [ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ] && [ -x "$dir/createdb" ]; then
			echo "$dir"
			return
		fi
	done
	echo "postgres: missing: initdb and pg_ctl; on Debian: apt-get install postgresql, elsewhere name their directory in PG_BIN" >&2
	return 1
}

case "${1:-}" in
--bin) find_bin; exit ;;
'') echo "usage: test/postgres.sh COMMAND [ARGUMENT…] | --bin" >&2; exit 2 ;;
esac

if [ -n "${ENTENTE_TEST_POSTGRES:-}" ]; then
	exec "$@"
fi

bin=$(find_bin)
dir=$(mktemp -d "${TMPDIR:-/tmp}/entente-postgres.XXXXXX")
started=

# owner COMMAND… runs as the owner of the cluster: PostgreSQL refuses to run as root.
owner=
if [ "$(id -u)" = 0 ]; then
	owner=nobody
	! id postgres >/dev/null 2>&1 || owner=postgres
fi
owner() {
	if [ -n "$owner" ]; then
		set -- setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups -- "$@"
	fi
	(cd "$dir" && exec "$@")
}

stop() {
	[ -z "$started" ] || owner "$bin/pg_ctl" stop --silent --wait --mode=immediate --pgdata="$dir/data" || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$password" >"$dir/password"
[ -z "$owner" ] || chown -R "$owner" "$dir"
owner "$bin/initdb" --pgdata="$dir/data" --username=entente --pwfile="$dir/password" \
	--auth=password --encoding=UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 ||
	{ cat "$dir/initdb.log" >&2; exit 1; }

# Another process may take a port between our choice and our use of it: try some.
for _ in 1 2 3 4 5; do
	port=$((20000 + RANDOM % 12000))
	owner tee "$dir/data/postgresql.auto.conf" >/dev/null <<-CONF
		listen_addresses = '127.0.0.1'
		port = $port
		unix_socket_directories = ''
		max_connections = 200
		fsync = off
		synchronous_commit = off
		full_page_writes = off
	CONF
	if owner "$bin/pg_ctl" start --silent --wait --timeout=60 --pgdata="$dir/data" --log="$dir/server.log" >/dev/null; then
		started=yes
		break
	fi
done
[ -n "$started" ] || { echo "postgres: the server did not start; its log:" >&2; cat "$dir/server.log" >&2; exit 1; }

for database in entente_test entente_interop; do
	PGPASSWORD=$password "$bin/createdb" --host=127.0.0.1 --port="$port" --username=entente "$database"
done
server="postgres://entente:$password@127.0.0.1:$port"
export ENTENTE_TEST_POSTGRES="$server/entente_test?sslmode=disable"
export ENTENTE_INTEROP_DB="$server/entente_interop?sslmode=disable"
"$@"
