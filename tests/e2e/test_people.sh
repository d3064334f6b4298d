#!/usr/bin/env bash
# People: invited, with an authenticator that we did not write, logged in, held to their roles, slowed when they guess, out when disabled.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need oathtool
need sqlite3
init_data
start_server
PASSWORD=mint-gravel-otter-7

# public PATH BODY [CURL-OPTIONS…]: without a credential
public() {
    local path=$1 body=$2
    shift 2
    call "$MANAGEMENT" POST "$path" "$body" "$@" >/dev/null
}
field() { jq -r "$1" "$WORK/body"; }
etag() { tr -d '\r' <"$WORK/headers" | sed -n 's/^[Ee][Tt]ag: //p'; }
# code SECRET [SECONDS]: what the authenticator shows now, or some seconds ahead (the server takes one step more or less)
code() { oathtool --totp -b -N "$(date -u -d "+${2:-0} seconds" '+%Y-%m-%d %H:%M:%S UTC')" "$1"; }
# take_up CODE: accept and confirm; sets SECRET, RECOVERY[]
take_up() {
    public /api/v1/invitations/accept "{\"code\":\"$1\",\"password\":\"$PASSWORD\"}"
    expect_status "accepted" 200
    SECRET=$(field .totp_secret)
    public /api/v1/invitations/confirm "{\"code\":\"$1\",\"totp\":\"$(code "$SECRET")\"}"
    expect_status "confirmed by oathtool's code" 200
    mapfile -t RECOVERY < <(field '.recovery_codes[]')
}
# log_in NAME PASSWORD KEY VALUE [CURL-OPTIONS…]: sets SESSION when it worked
log_in() {
    local name=$1 password=$2 key=$3 value=$4
    shift 4
    public /api/v1/login "{\"name\":\"$name\",\"password\":\"$password\",\"$key\":\"$value\"}" "$@"
    SESSION=$(field '.session // empty')
}
# person NAME ROLE: invited over the API, logged in; sets SESSION, USER_ID, SECRET, RECOVERY
person() {
    api POST /api/v1/users "{\"name\":\"$1\",\"roles\":[\"$2\"]}" >/dev/null
    expect_status "invited $1 as $2" 201
    USER_ID=$(field .id)
    take_up "$(field .invitation)"
    log_in "$1" "$PASSWORD" totp "$(code "$SECRET" 30)"
    expect_status "$1 logs in" 200
}

say "the first person, invited beside the running server"
FIRST=$("$WHORLD" user add --dir "$DATA" --name root.ada 2>"$WORK/told")
expect_in "the time it is good for" "$(cat "$WORK/told")" "good until"
expect_fails "the same name again" "$WHORLD" user add --dir "$DATA" --name root.ada
expect_fails "a role that is not there" "$WHORLD" user add --dir "$DATA" --name x --role nothing
public /api/v1/invitations/accept "{\"code\":\"$FIRST\",\"password\":\"password1234\"}"
expect_status "a password that everybody tries" 422
expect_in "where" "$(field '.errors[].pointer')" /password
take_up "$FIRST"
public /api/v1/invitations/accept "{\"code\":\"$FIRST\",\"password\":\"$PASSWORD\"}"
expect_status "an invitation is good once" 401
USED=$(code "$SECRET" 30)
log_in root.ada "$PASSWORD" totp "$USED"
expect_status "login" 200
ADA=$SESSION
ADA_RECOVERY=("${RECOVERY[@]}")
expect_in "a session" "$ADA" whorls_
AS=$ADA api GET /api/v1/whoami >/dev/null
expect "whoami" "$(field '[.kind, .name, .tenant, .roles[0], .scopes[0]] | join(" ")')" "user root.ada default admin admin"
log_in root.ada "$PASSWORD" totp "$USED"
expect_status "the same code again" 401
log_in root.ada "$PASSWORD" recovery_code "${ADA_RECOVERY[0]}"
expect_status "a recovery code" 200
log_in root.ada "$PASSWORD" recovery_code "${ADA_RECOVERY[0]}"
expect_status "the same one again" 401
TOKEN=$ADA # from here on the person is who calls

say "what each built-in role may do"
# may ROLE METHOD PATH BODY STATUS; must_not … SCOPE
may() {
    AS=$SESSION api "$1" "$2" "${3-}" >/dev/null
    expect "$NAME may $1 $2" "$(status)" "$4"
}
must_not() {
    AS=$SESSION api "$1" "$2" "${3-}" >/dev/null
    expect_status "$NAME must not $1 $2" 403
    expect_in "the scope is named" "$(field .detail)" "$4"
    expect_in "in the challenge too" "$(cat "$WORK/headers")" "scope=\""
}
BATCH='{"devices":["aa00000000000000000000000000000000000000000000000000000000000001"]}'
NAME=factory
person worker factory
may POST /api/v1/batches "$BATCH" 201
must_not GET /api/v1/devices "" devices:read
must_not GET /api/v1/audit "" audit:read
must_not POST /api/v1/users '{}' users:write
NAME=auditor
person watcher auditor
may GET /api/v1/devices "" 200
may GET /api/v1/audit "" 200
may GET /api/v1/users "" 200
may GET /api/v1/tokens "" 200
must_not POST /api/v1/batches "$BATCH" devices:write
must_not POST /api/v1/tokens '{}' tokens:write
WATCHER=$SESSION
NAME=operator
person oscar operator
may GET /api/v1/devices "" 200
may POST /api/v1/batches '{"devices":["aa00000000000000000000000000000000000000000000000000000000000002"]}' 201
must_not POST /api/v1/products '{}' products:write
must_not GET /api/v1/tokens "" tokens:read
must_not POST /api/v1/roles '{}' users:write
NAME=firmware
person fay firmware
must_not GET /api/v1/devices "" devices:read
must_not POST /api/v1/batches "$BATCH" devices:write
FAY=$USER_ID

say "changes count from the next request"
api GET "/api/v1/users/$FAY" >/dev/null
api PATCH "/api/v1/users/$FAY" '{"roles":["auditor"]}' -H "If-Match: $(etag)" >/dev/null
expect_status "another role" 200
may GET /api/v1/devices "" 200
api GET /api/v1/roles/auditor >/dev/null
api PATCH /api/v1/roles/auditor '{"scopes":["audit:read"]}' -H "If-Match: $(etag)" >/dev/null
expect_status "less in the role" 200
must_not GET /api/v1/devices "" devices:read
api DELETE /api/v1/roles/auditor >/dev/null
expect_status "a built-in role stays" 409
api POST "/api/v1/users/$FAY/disable" >/dev/null
expect_status "disabled" 200
AS=$SESSION api GET /api/v1/whoami >/dev/null
expect_status "and out" 401
log_in fay "$PASSWORD" recovery_code "${RECOVERY[0]}"
expect_status "no login either" 401

api POST "/api/v1/users/$FAY/enable" >/dev/null
expect "enabled" "$(field .state)" active
api POST "/api/v1/users/$FAY/reset" >/dev/null
expect "invited anew over the API" "$(field .state)" invited
api GET '/api/v1/users?state=invited' >/dev/null
expect "and found by it" "$(field '.users[].name')" fay
api POST /api/v1/roles '{"name":"line","description":"one of ours","scopes":["devices:register"]}' >/dev/null
expect_status "a role of our own" 201
api GET /api/v1/roles >/dev/null
expect "among the others" "$(field '[.roles[].name] | join(" ")')" "admin auditor factory firmware line operator"
api DELETE /api/v1/roles/line '' -H 'If-Match: "1"' >/dev/null
expect_status "removed" 204

say "a session ends"
# the server's clock cannot be moved from here, so the row is made older
SESSION_ID=$(cut -d_ -f2 <<<"$WATCHER")
sqlite3 -cmd '.timeout 5000' "$DATA/inventory.db" \
    "UPDATE person_session SET last_used_at = last_used_at - 3600000 WHERE id = x'$SESSION_ID'"
AS=$WATCHER api GET /api/v1/whoami >/dev/null
expect_status "unused for an hour" 401
expect_in "with its own reason" "$(field .type)" token-expired
log_in oscar "$PASSWORD" totp 000000
api GET /api/v1/sessions >/dev/null
expect "sessions of the tenant that are not over" "$(field '[.sessions[].user_name] | sort | join(" ")')" "oscar root.ada root.ada worker"

say "who guesses waits, whom they guess at does not"
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
    log_in root.ada "guess-number-$n" totp 000000 --interface 127.0.0.3
    [ "$(status)" = 401 ] || break
done
expect_status "after some wrong passwords from one address" 429
expect_in "when to come back" "$(tr '[:upper:]' '[:lower:]' <"$WORK/headers")" retry-after:
log_in root.ada "$PASSWORD" recovery_code "${ADA_RECOVERY[1]}" --interface 127.0.0.3
expect_status "the right one from there too" 429
log_in root.ada "$PASSWORD" recovery_code "${ADA_RECOVERY[1]}" --interface 127.0.0.2
expect_status "the victim from elsewhere" 200

say "one's own password and sessions"
AS=$SESSION api POST /api/v1/me/password "{\"old_password\":\"$PASSWORD\",\"new_password\":\"slate-comet-barley-2\",\"totp\":\"$USED\"}" >/dev/null
expect_status "not with a code that was used" 422
AS=$SESSION api POST /api/v1/sessions/"$(cut -d_ -f2 <<<"$ADA")"/revoke >/dev/null
expect_status "another session ended" 204
api GET /api/v1/whoami >/dev/null
expect_status "is over" 401

say "out, and back by a new invitation"
AS=$SESSION api POST /api/v1/logout >/dev/null
expect_status "logout" 204
AS=$SESSION api GET /api/v1/whoami >/dev/null
expect_status "is the end" 401
log_in root.ada "$PASSWORD" recovery_code "${ADA_RECOVERY[3]}" --interface 127.0.0.2
AGAIN=$("$WHORLD" user reset --dir "$DATA" --name root.ada 2>/dev/null)
AS=$SESSION api GET /api/v1/whoami >/dev/null
expect_status "a reset ends all sessions" 401
log_in root.ada "$PASSWORD" recovery_code "${ADA_RECOVERY[2]}" --interface 127.0.0.2
expect_status "and the recovery codes" 401
take_up "$AGAIN"
log_in root.ada "$PASSWORD" totp "$(code "$SECRET" 30)" --interface 127.0.0.2
expect_status "back" 200
AS=$SESSION api GET '/api/v1/audit?kind=login.failed' >/dev/null
expect_in "failures are on record" "$(field '.records[0] | [.category, .result] | join(" ")')" "access_control refused"
for part in "$PASSWORD" "$SECRET" "${RECOVERY[0]}"; do
    if grep -aqF -- "$part" "$DATA/inventory.db" "$DATA/inventory.db-wal" "$WORK/server.log"; then die "a secret is stored or logged"; fi
done
say "ok  no secret is stored or logged"
stop_server
"$WHORLD" audit verify --dir "$DATA" >/dev/null
