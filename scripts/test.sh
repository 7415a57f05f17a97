#!/bin/sh
# The set-up, then every test. Arguments go to jest.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh example test
PATH=$PWD/node_modules/.bin:$PATH
# Login shells that tests start and kill read no login files of whoever runs them: those may take a lock and leave it (pyenv's do).
export PYENV_ROOT="${PYENV_ROOT-$HOME/.pyenv}"
export HOME="$PWD/node_modules/.cache/home"
mkdir -p "$HOME"
# The workers of integration tests are processes of their own; two test files at a time keep them from starving each other.
exec node --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js --maxWorkers="${PERDURE_TEST_WORKERS:-2}" "$@"
