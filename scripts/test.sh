#!/bin/sh
# The set-up, then the tests of one tier: test.sh unit|integration|slow|all [arguments of jest]
#   unit          pure code, and workflows on Temporal's test server
#   integration   unit, and each promise once on the real servers: what `npm test` runs
#   slow          what only `all` has: matrices of faults and kills, long studies, the stand-ins' own tests
#   all           everything
set -eu
cd "$(dirname "$0")/.."
tier=$1
shift
case $tier in
  unit) projects="unit workflows" ;;
  integration) projects="unit workflows integration" ;;
  slow) projects=slow ;;
  all) projects="unit workflows integration slow" ;;
  *) echo "test.sh: '$tier' is not a tier; use unit, integration, slow or all" >&2; exit 2 ;;
esac
sh scripts/setup.sh example test
PATH=$PWD/node_modules/.bin:$PATH
# test/slow/compose.test.ts builds a Temporal server, which takes minutes, and keeps it in the user's cache directory.
export PERDURE_TEST_CACHE="${XDG_CACHE_HOME-$HOME/.cache}/perdure"
# Login shells that tests start and kill read no login files of the user: those may take a lock and leave it (pyenv's do).
export PYENV_ROOT="${PYENV_ROOT-$HOME/.pyenv}"
export HOME="$PWD/node_modules/.cache/home"
mkdir -p "$HOME"
# shellcheck disable=SC2086
exec node --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js --selectProjects $projects \
  --maxWorkers="${PERDURE_TEST_WORKERS:-3}" "$@"
