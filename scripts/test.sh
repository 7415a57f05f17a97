#!/bin/sh
# Runs the set-up, then tests: test.sh unit|integration|slow|all [arguments of jest]
#   unit          pure code, and workflows on Temporal's test server
#   integration   unit, and each promise once on the real servers; `npm test` runs this
#   slow          only the slow tests: matrices of faults and kills, long studies, the tests of the stand-ins
#   all           integration and slow
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
# jest.config.js keeps the machine's settings away from the tests.
# shellcheck disable=SC2086
exec node --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js --selectProjects $projects \
  --maxWorkers="${PERDURE_TEST_WORKERS:-3}" "$@"
