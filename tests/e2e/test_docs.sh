#!/usr/bin/env bash
# takes long
# The documents keep their word: the commands of each page run as they stand, against a fresh server, and print what the page says.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need oathtool
python3 -B "$E2E/run_docs.py" --self-test || die "run_docs.py"
say "ok  the comparison notices what differs"
PATH=$(dirname "$WHORLD"):$PATH
for page in README.md docs/*.md; do
    grep -q '^```sh$' "$page" || continue
    name=$(basename "$page" .md)
    DATA=$WORK/data-$name
    mkdir "$WORK/$name"
    init_data
    start_server
    export DIR=$DATA WHORL=$MANAGEMENT DEVICE PUBLIC CA TOKEN WHORL_SERVER=$MANAGEMENT WHORL_CA=$CA WHORL_TOKEN=$TOKEN
    export XDG_CONFIG_HOME=$WORK/$name/config
    python3 -B "$E2E/run_docs.py" "$page" "$WORK/$name" || die "$page"
    say "ok  $page"
    stop_server
done
