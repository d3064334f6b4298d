#!/usr/bin/env bash
# deploy/drills/lost-hsm.sh against a real server: the HSM is lost under it, a copy of the token takes over, devices enrol again under the same
# authorities; a copy that is not whole changes nothing.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/token.sh
source "$(dirname "$0")/token.sh"
export WHORLD
DRILL=$PWD/deploy/drills/lost-hsm.sh
new_token plant
init_in_token plant
sed -i '/^pkcs11_slot/d' "$DATA/whorl.conf"
mkdir "$WORK/spare" "$WORK/part"
cp -a "$WORK/hsm/." "$WORK/spare/" # the maker's backup of the token, in another unit
cp -a "$WORK/hsm/." "$WORK/part/"  # one that was made too early
for unit in spare part; do sed -i "s,$WORK/hsm/,$WORK/$unit/," "$WORK/$unit/softhsm2.conf"; done
find "$WORK/part/tokens" -name '*.object' ! -name token.object | head -n 2 | xargs rm
run_drill() { CODE=0; "$DRILL" "$@" >"$WORK/out" 2>&1 || CODE=$?; }

say "a wrong call changes nothing"
for bad in '' "$DATA" "$DATA --token" "$DATA --token plant --colour"; do
    # shellcheck disable=SC2086
    run_drill $bad
    expect "usage" "$CODE" 2
done

say "the HSM is lost under a server"
start_server
new_identity first
register "$ID"
new_key one
est first simpleenroll "$(csr one)"
expect_status "a device enrolled before" 200
keep_certificate one
tell gone
new_identity second
register "$ID"
new_key two
est second simpleenroll "$(csr two)"
expect_status "the next one cannot" 503

say "a copy that is not whole"
run_drill "$DATA" --token plant --module "$WORK/part/shim.so" --restart "touch $WORK/restarted"
cat "$WORK/out"
expect "is refused" "$CODE" 1
expect_in "with a reason" "$(cat "$WORK/out")" "nothing was changed"
[ ! -e "$WORK/restarted" ] && [ ! -e "$DATA/whorl.conf.lost-hsm" ] || die "something was changed"
run_drill "$DATA" --token plane --module "$WORK/spare/shim.so"
expect_in "another token is refused" "$(cat "$WORK/out")" "does not answer"

say "a copy that is whole"
cat >"$WORK/restart.sh" <<RESTART
kill -TERM $SERVER_PID
while kill -0 $SERVER_PID 2>/dev/null; do sleep 0.1; done
"$WHORLD" serve --dir "$DATA" >"$WORK/ready2" 2>>"$WORK/server.log" &
echo \$! >"$WORK/server.pid"
RESTART
run_drill "$DATA" --token plant --module "$WORK/spare/shim.so" --restart "bash $WORK/restart.sh"
wait "$SERVER_PID" 2>/dev/null || true
SERVER_PID=$(cat "$WORK/server.pid")
cat "$WORK/out"
expect "done" "$CODE" 0
expect_in "after a proof" "$(cat "$WORK/out")" 'every key of an authority is in "plant", and signs'
DEVICE=https://$(jq -r .device "$WORK/ready2")
MANAGEMENT=https://$(jq -r .management "$WORK/ready2")
est second simpleenroll "$(csr two)"
expect_status "who could not enrols now" 200
keep_certificate two
base64 -d <(curl -sS --cacert "$CA" "$DEVICE/.well-known/est/cacerts") | openssl pkcs7 -inform DER -print_certs -out "$WORK/chain.pem"
openssl verify -CAfile "$CA" -untrusted "$WORK/chain.pem" "$WORK/one.crt" "$WORK/two.crt" >/dev/null || die "other authorities"
say "ok  both under the same authorities"
expect "the first one goes on" "$(device_json one GET /device/v1/status | jq -r .status)" enrolled
expect "the former settings are kept" "$(grep -c "$WORK/hsm/shim.so" "$DATA/whorl.conf.lost-hsm")" 1
run_drill "$DATA" --token plant --module "$WORK/spare/shim.so" --restart true
expect "again, and nothing is wrong" "$CODE" 0
