#!/bin/sh
# The example study, from nothing: set-up, server, worker, study, best trial.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh example
exec bin/perdure run config/studies/digits.yaml
