#!/usr/bin/env bash
# The lines of docs/access.md, as they stand there, on a fresh installation.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need oathtool
init_data
start_server
PATH=$PWD/$BUILD:$PATH
awk '/^```sh$/ {inside = 1; next} /^```$/ {inside = 0} inside' docs/access.md |
    sed "s|^URL=.*|URL=$MANAGEMENT/api/v1|; s|^DIR=.*|DIR=$DATA|" >"$WORK/lines.sh"
expect "blocks in the page" "$(grep -c '^```sh$' docs/access.md)" 8
bash -euo pipefail "$WORK/lines.sh" >"$WORK/lines.out" 2>"$WORK/lines.err" ||
    die "$(cat "$WORK/lines.out" "$WORK/lines.err")"
expect_in "a token" "$(cat "$WORK/lines.out")" '"token":"whorl_'
expect_in "an invitation" "$(cat "$WORK/lines.out")" '"invitation":"whorli_'
expect_in "recovery codes" "$(cat "$WORK/lines.out")" '"recovery_codes":['
expect_in "whoami" "$(cat "$WORK/lines.out")" '"kind":"user"'
expect_in "one's session" "$(cat "$WORK/lines.out")" '"is_current":true'
expect_in "a role" "$(cat "$WORK/lines.out")" '"name":"support"'
stop_server
