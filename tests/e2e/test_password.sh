#!/usr/bin/env bash
# A person changes their own password: the other sessions end, the old one opens nothing.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need oathtool
offers changeOwnPassword || skip "this build knows no people"
init_data
start_server
OLD=mint-gravel-otter-7 NEW=slate-comet-barley-2
CODE=$("$WHORLD" user add --dir "$DATA" --name ada 2>/dev/null)
SECRET=$(AS=none api POST /api/v1/invitations/accept "{\"code\":\"$CODE\",\"password\":\"$OLD\"}" | jq -r .totp_secret)
expect_status "the invitation is taken up" 200
# Each code is good once; one step before and after now are taken.
totp() { oathtool --totp -b -N "$1" "$SECRET"; }
AS=none api POST /api/v1/invitations/confirm "{\"code\":\"$CODE\",\"totp\":\"$(totp 'now - 30 seconds')\"}" >"$WORK/recovery"
expect_status "the authenticator is confirmed" 200
# log_in PASSWORD MEMBER VALUE
log_in() { AS=none api POST /api/v1/login "{\"name\":\"ada\",\"password\":\"$1\",\"$2\":\"$3\"}" | jq -r '.session // empty'; }
recovery() { jq -r ".recovery_codes[$1]" "$WORK/recovery"; }
FIRST=$(log_in "$OLD" totp "$(totp now)")
expect_status "in" 200
OTHER=$(log_in "$OLD" recovery_code "$(recovery 0)")
expect_status "and from elsewhere" 200
AS=$FIRST api POST /api/v1/me/password "{\"old_password\":\"$OLD\",\"new_password\":\"short\",\"totp\":\"$(totp 'now + 30 seconds')\"}" >/dev/null
expect_status "not a short one" 422
AS=$FIRST api POST /api/v1/me/password "{\"old_password\":\"$OLD\",\"new_password\":\"$NEW\",\"totp\":\"$(totp 'now + 30 seconds')\"}" >/dev/null
case $(status) in 200 | 204) say "ok  changed" ;; *) die "changed: $(status) $(cat "$WORK/body")" ;; esac
AS=$OTHER api GET /api/v1/whoami >/dev/null
expect_status "the other session is over" 401
log_in "$OLD" recovery_code "$(recovery 1)" >/dev/null
expect_status "the old password opens nothing" 401
log_in "$NEW" recovery_code "$(recovery 1)" >/dev/null
expect_status "the new one does" 200

say "by whorl"
export XDG_CONFIG_HOME=$WORK/config
WHORL=$PWD/$BUILD/whorl
CODE=$("$WHORLD" user add --dir "$DATA" --name ben 2>/dev/null)
SECRET=$(AS=none api POST /api/v1/invitations/accept "{\"code\":\"$CODE\",\"password\":\"$OLD\"}" | jq -r .totp_secret)
AS=none api POST /api/v1/invitations/confirm "{\"code\":\"$CODE\",\"totp\":\"$(totp 'now - 30 seconds')\"}" >"$WORK/recovery"
expect_status "another person" 200
log_in_by_whorl() { printf '%s\n%s\n' "$1" "$(recovery "$2")" | "$WHORL" login --user ben --server "$MANAGEMENT" --ca "$CA" >/dev/null 2>"$WORK/err"; }
log_in_by_whorl "$OLD" 0 || die "login: $(cat "$WORK/err")"
status=0
printf '%s\n%s\n%s\n%s\n' "$OLD" short short "$(totp now)" | "$WHORL" password >"$WORK/out" 2>"$WORK/err" || status=$?
expect "a short one is refused: exit code" "$status" 1
expect_in "and where" "$(cat "$WORK/err")" "/new_password"
printf '%s\n%s\n%s\n%s\n' "$OLD" "$NEW" "$NEW" "$(totp now)" | "$WHORL" password >"$WORK/out" 2>"$WORK/err" || die "changed: $(cat "$WORK/err")"
expect "changed" "$(cat "$WORK/out" "$WORK/err")" "changed; your other sessions have ended"
"$WHORL" whoami >/dev/null || die "the session that changed it goes on"
log_in_by_whorl "$OLD" 1 && die "the old password opens something"
log_in_by_whorl "$NEW" 1 || die "the new one does not: $(cat "$WORK/err")"
status=0
"$WHORL" password --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" <<<$'a\nb2345678901\nb2345678901\n000000' >"$WORK/out" 2>"$WORK/err" || status=$?
expect "a token has none" "$status" 1

say "what hashes took is given back"
anonymous() { awk '/^RssAnon/ { print $2 }' "/proc/$SERVER_PID/status"; }
BEFORE=$(anonymous)
guess() {
    curl -sS --cacert "$CA" -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/json' \
        -d "{\"name\":\"nobody$1\",\"password\":\"$NEW\",\"totp\":\"000000\"}" "$MANAGEMENT/api/v1/login" >>"$WORK/answers"
}
for n in 1 2 3 4 5 6; do # by several threads; not more at once than are allowed
    guess $n.1 &
    ONE=$!
    guess $n.2 &
    wait $ONE $!
done
[ "$(grep -c 401 "$WORK/answers")" -ge 8 ] || die "too few were looked at: $(sort "$WORK/answers" | uniq -c | xargs)" # 429: who guesses is slowed
GREW=$(($(anonymous) - BEFORE))
[ $GREW -lt 16384 ] || die "$GREW kB stay: a hash takes 19456"
say "ok  memory"
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
