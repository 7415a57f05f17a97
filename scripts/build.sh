#!/bin/sh
# Compiles to dist.new/ and swaps it with dist/ by two renames. An interrupted build leaves a whole program in dist/, except
# after a kill -9 between the two renames; bin/perdure then says how to build it.
set -eu
cd "$(dirname "$0")/.."

# Restores the previous program if the build was interrupted between the two renames.
restore() { [ -e dist ] || [ ! -e dist.old ] || mv dist.old dist; }
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

restore
rm -rf dist.new dist.old
tsc -p tsconfig.build.json --outDir dist.new
node scripts/bundle-workflows.js dist.new
[ ! -e dist ] || mv dist dist.old
mv dist.new dist
rm -rf dist.old
node scripts/write-schemas.js
