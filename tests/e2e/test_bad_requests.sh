#!/usr/bin/env bash
# Every operation of the API asked wrongly, in every way that its description tells (tests/e2e/bad_requests.py): callers, methods, parameters,
# JSON, fields, ids, versions. Nothing of it changes anything.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
# token SCOPE
token() { api POST /api/v1/tokens "{\"name\":\"one\",\"scopes\":[\"$1\"]}" | jq -r .token; }
METRICS=$(token metrics:read)
CODES=$(token codes:read)
newest() { api GET '/api/v1/audit?limit=1' | jq -r '.records[0].event_id'; }
BEFORE=$(newest)
python3 -B "$E2E/bad_requests.py" "$OPENAPI" "$MANAGEMENT" "$CA" "$TOKEN" "$METRICS" "$CODES" || die "bad_requests.py"
expect "nothing was changed" "$(newest)" "$BEFORE"
stop_server
grep -q '"level":"error"' "$WORK/server.log" && die "the log has errors"
say "ok  no error in the log"
