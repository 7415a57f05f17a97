#!/bin/sh
# Runs the linter, the type check and the formatter's check in parallel. Prints the output of each one that fails.
set -eu
cd "$(dirname "$0")/.."
checks="lint typecheck format:check"
output=$(mktemp -d)
pids=
# shellcheck disable=SC2086,SC2329
stop() {
  [ -z "$pids" ] || kill $pids 2>/dev/null || :
  rm -rf "$output"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

for check in $checks; do
  npm run --silent "$check" >"$output/$check" 2>&1 &
  pids="$pids $!"
done

status=0
for check in $checks; do
  # shellcheck disable=SC2086
  set -- $pids
  pid=$1
  shift
  if wait "$pid"; then
    echo "$check: ok"
  else
    status=1
    echo "$check: failed" >&2
    cat "$output/$check" >&2
  fi
  pids=$*
done
exit "$status"
