#!/bin/sh
# Creates or updates the tables in Temporal's two databases, which docker/create-databases.sh has created.
set -eu
for database in temporal temporal_visibility; do
  folder=${database#temporal_}
  tool() { temporal-sql-tool --plugin "$DB" --ep "$POSTGRES_SEEDS" -u "$POSTGRES_USER" -p "$DB_PORT" --db "$database" "$@"; }
  tool setup-schema -v 0.0 || echo "$database has its tables"
  tool update-schema -d "/etc/temporal/schema/postgresql/v12/$folder/versioned"
done
