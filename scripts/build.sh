#!/bin/sh
# Compiles to a folder beside dist/ and then puts it in its place, so that what runs from dist/ is never without it.
set -eu
cd "$(dirname "$0")/.."
rm -rf dist.new
tsc -p tsconfig.build.json --outDir dist.new
node scripts/bundle-workflows.js dist.new
rm -rf dist
mv dist.new dist
node scripts/write-schemas.js
