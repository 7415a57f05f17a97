#!/bin/sh
# Runs once, when PostgreSQL's data directory is made: the ledger is a database of its own.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --command 'CREATE DATABASE ledger'
