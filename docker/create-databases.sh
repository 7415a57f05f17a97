#!/bin/sh
# Creates a role and its databases for Temporal, and for the ledger. PostgreSQL's image runs this once, for an empty data directory.
set -eu
# psql reads the passwords from its environment, so that they are not in its arguments.
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv temporal_password TEMPORAL_DB_PASSWORD
\getenv ledger_password LEDGER_DB_PASSWORD
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE ROLE ledger LOGIN PASSWORD :'ledger_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
CREATE DATABASE ledger OWNER ledger;
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, temporal, temporal_visibility, ledger FROM PUBLIC;
SQL
