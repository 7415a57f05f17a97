#!/bin/sh
# `perdure` in a container. One that is made anew with the same volume keeps its name, so that it takes up its trials.
set -eu
name=$PERDURE_HOME/host
[ -s "$name" ] || hostname >"$name"
PERDURE_HOST=${PERDURE_HOST:-$(cat "$name")}
export PERDURE_HOST
exec /perdure/bin/perdure "$@"
