#!/usr/bin/env bash
# `make bench`: builds the load generator and the yardstick, then measures; see bench.py. Arguments are passed on.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
command -v nginx >/dev/null || { echo "bench: nginx is needed (make deps)" >&2; exit 1; }
mkdir -p "$BUILD/bench"
for program in load bare cmp; do
    gcc -std=c11 -O2 -D_GNU_SOURCE -Wall -Wextra -o "$BUILD/bench/$program" "tests/bench/$program.c" -lssl -lcrypto -lpthread
done
gcc -std=c11 -O2 -D_GNU_SOURCE -Wall -Wextra -o "$BUILD/bench/overload" tests/bench/overload.c tests/bench/overload_call.c -lssl -lcrypto
make -s "$BUILD/bench/pass" "$BUILD/bench/campaign" "$BUILD/bench/token" "$BUILD/bench/signer" "$BUILD/bench/rates"
echo "$(uname -srm), $(nproc) cores, $(openssl version)"
exec python3 tests/bench/bench.py "$@"
