#!/usr/bin/env bash
# Make the two locks anew: hashed, for every Python we support, and naming no host. Needs uv on the path.
set -eu
cd "$(dirname "$0")/.."
lock() { uv pip compile pyproject.toml --extra build "${@:2}" --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --output-file "requirements/$1.txt"; }
lock run
lock dev --extra dev --extra bench
