#!/bin/sh
# The description of the API: its files join, every example in it is valid under its schema (tests/e2e/check_openapi.py, which first
# proves that it notices what is wrong).
set -eu

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
python3 -c 'import jsonschema' 2>/dev/null || { echo "openapi.sh: python3-jsonschema is missing: make deps-test" >&2; exit 1; }
python3 -B deploy/openapi.py "$out/openapi.json" "$out/openapi.c" docs/openapi/*.json
for mode in self-test examples; do
    python3 -B tests/e2e/check_openapi.py "$mode" "$out/openapi.json" >"$out/said" || { cat "$out/said"; exit 1; }
done
