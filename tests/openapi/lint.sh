#!/usr/bin/env bash
# The description of the API under a public linter (Spectral, from npm; a development dependency only). Called by tests/check.sh.
# Its packages are kept in build/, by the lock file they came from; only the first run needs a network. First it must find what
# is wrong with a broken document.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=build/openapi-lint/$(cat tests/openapi/package.json tests/openapi/package-lock.json | sha256sum | cut -c1-16)

command -v npm >/dev/null || { echo "tests/openapi/lint.sh: npm is not installed (make deps-test)"; exit 1; }
if grep -n '"resolved"' tests/openapi/package-lock.json | head -n 3 | grep .; then
    echo "tests/openapi/package-lock.json names a registry: make it again in its folder, whose .npmrc leaves that out"
    exit 1
fi
if [ ! -x "$home/node_modules/.bin/spectral" ]; then
    rm -rf build/openapi-lint
    mkdir -p "$home"
    cp tests/openapi/package.json tests/openapi/package-lock.json tests/openapi/.npmrc "$home/"
    (cd "$home" && npm ci --no-progress --loglevel=error) >"$home/npm.log" 2>&1 || {
        tail -n 5 "$home/npm.log"
        rm -rf "$home"
        echo "tests/openapi/lint.sh: the linter could not be fetched from npm, and build/ holds none from before: connect, and run again"
        exit 1
    }
fi

lint() { "$home/node_modules/.bin/spectral" lint --fail-severity hint --quiet -r tests/openapi/ruleset.yaml "$@"; }

# an example that is not valid, and a path parameter that nothing describes
jq '.paths |= with_entries(select(.key == "/api/v1/hubs/{id}")) | .paths[].get.parameters = []
    | .paths[].get.responses["200"].content["application/json"].example.port = "many"' build/openapi.json >"$home/broken.json"
if lint -f text "$home/broken.json" >"$home/found" 2>&1; then
    echo "the linter finds nothing in a broken document"
    exit 1
fi
for rule in oas3-valid-media-example path-params; do
    grep -q "$rule" "$home/found" || { cat "$home/found"; echo "the linter does not find: $rule"; exit 1; }
done
lint build/openapi.json
