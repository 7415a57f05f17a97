#!/bin/sh
# What the entrypoint of PostgreSQL's image does, as its documentation says: creates the data directory with a superuser, runs the
# scripts of /docker-entrypoint-initdb.d with a server that listens on its socket only, then starts the server.
# One difference: the image trusts connections from 127.0.0.1, from which all services connect here.
set -eu
data=/var/lib/postgresql/data
export POSTGRES_USER="${POSTGRES_USER:-postgres}"
printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
initdb --pgdata="$data" --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 --no-sync
rm /tmp/password
echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
sockets='-k /tmp -c fsync=off'
pg_ctl -D "$data" -o "$sockets -c listen_addresses=" -w start
for script in /docker-entrypoint-initdb.d/*.sh; do
  PGPASSWORD=$POSTGRES_PASSWORD "$script"
done
pg_ctl -D "$data" -m fast -w stop
# shellcheck disable=SC2086
exec postgres -D "$data" $sockets -c 'listen_addresses=*'
