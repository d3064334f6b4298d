#!/usr/bin/env bash
# Authorities roll from files into a token and back while devices enrol, and each key of before goes on signing its CRL where it is. Then the token
# is lost and nobody has a copy: deploy/drills/lost-hsm.sh makes new authorities under a root that was elsewhere, and the fleet moves to them.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/token.sh
source "$(dirname "$0")/token.sh"
new_token plant
init_data
for listener in management device; do # the same across restarts
    sed -i "s/^${listener}_listen = .*/${listener}_listen = 127.0.0.1:$(free_port)/" "$DATA/whorl.conf"
done
whorl() { "$PWD/$BUILD/whorl" --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" "$@"; }
settings() { # KEYS: where keys of PKCS11_KEYS go from now on
    sed -i '/^keystore\|^pkcs11_/d' "$DATA/whorl.conf"
    printf 'keystore = pkcs11\npkcs11_module = %s\npkcs11_token = plant\npkcs11_pin_file = %s\npkcs11_keys = %s\n' "$MODULE" "$WORK/pin" "$1" >>"$DATA/whorl.conf"
}
restart() { stop_server; start_server; }
place() { (cd "$DATA/keys" && echo "ca-$1".[kt]*); }
"$DEVICE_TOOL" fleet --count 48 --seed-base 7000 --list "$WORK/list.json" >/dev/null
mkdir "$WORK/got"
enrols() { # while something is done
    "$DEVICE_TOOL" fleet --count 48 --seed-base 7000 --connections 1 --server "$DEVICE" --ca "$CA" --save "$WORK/got" >"$WORK/fleet.out" 2>&1
}
enrol() { # NAME
    new_identity "birth-$1"
    register "$ID"
    new_key "$1"
    est "birth-$1" simpleenroll "$(csr "$1")"
    expect_status "$1 enrols" 200
    keep_certificate "$1"
    device_json "$1" GET /device/v1/status >"$WORK/json"
}
chain() {
    base64 -d <(curl -sS --cacert "$CA" "$DEVICE/.well-known/est/cacerts") | openssl pkcs7 -inform DER -print_certs -out "$WORK/chain.pem"
    cp "$CA" "$WORK/anchors.pem"
}
issued_by() { # NAME AUTHORITY: by whom, as OpenSSL sees it
    chain
    curl -sS "$PUBLIC/ca/$2.cer" | openssl x509 -inform DER -out "$WORK/ca-$2.pem"
    openssl verify -x509_strict -partial_chain -CAfile "$WORK/ca-$2.pem" "$WORK/$1.crt" >/dev/null || die "$1 is not of $2"
    openssl verify -CAfile "$WORK/anchors.pem" -untrusted "$WORK/chain.pem" "$WORK/$1.crt" >/dev/null || die "$1 leads to no anchor"
    say "ok  $1 is of $2, under the anchor"
}
revoked_on() { # NAME AUTHORITY: its key signs a list with the certificate
    local serial
    serial=$(openssl x509 -in "$WORK/$1.crt" -noout -serial | cut -d= -f2)
    api POST "/api/v1/certificates/$(tr A-F a-f <<<"$serial")/revoke" '{"reason":"keyCompromise"}' >/dev/null
    expect_status "$1 is revoked" 200
    for _ in $(seq 60); do
        curl -sS "$PUBLIC/crl/$2.crl" | openssl crl -inform DER -out "$WORK/$2.crl.pem"
        if openssl crl -in "$WORK/$2.crl.pem" -noout -text | grep -q "Serial Number: $serial"; then break; fi
        sleep 0.1
    done
    openssl crl -in "$WORK/$2.crl.pem" -noout -text | grep -q "Serial Number: $serial" || die "it is not on the list of $2"
    expect "$2 signs its list" "$(openssl crl -in "$WORK/$2.crl.pem" -noout -CAfile "$WORK/ca-$2.pem" 2>&1)" "verify OK"
}

say "from files into the token"
start_server
api POST /api/v1/batches "@$WORK/list.json" >/dev/null
KNOWN=$(jq '.devices | length' "$WORK/list.json")
enrol before
settings authorities,firmware
restart
enrols &
FLEET=$!
for _ in $(seq 200); do
    if [ "$(find "$WORK/got" -name '*.pem' | wc -l)" -ge 3 ]; then break; fi
    sleep 0.02
done
whorl ca roll device --yes >/dev/null
whorl ca roll infrastructure --yes >/dev/null
wait $FLEET || die "the fleet: $(tail -3 "$WORK/fleet.out")"
expect "the keys of the new ones are in the token" "$(place device-2) $(place infrastructure-2)" "ca-device-2.token ca-infrastructure-2.token"
expect "all of the fleet enrolled across it" "$(find "$WORK/got" -name '*.pem' | wc -l)" "$KNOWN"
expect "some under the one, some under the other" \
    "$(openssl crl2pkcs7 -nocrl -certfile <(cat "$WORK"/got/*.pem) | openssl pkcs7 -print_certs -noout | grep ^issuer | sort -u | wc -l)" 2
enrol inside
issued_by before device
issued_by inside device-2
enrol spare
revoked_on before device

say "and back into files"
settings ''
restart
whorl ca roll device-2 --yes >/dev/null
expect "the key of the newest is in a file" "$(place device-3)" "ca-device-3.key"
enrol back
issued_by back device-3
issued_by spare device-2
revoked_on inside device-2
expect "who is of the one in the token is served" "$(device_json spare GET /device/v1/status | jq -r .status)" enrolled

say "the token is lost, and nobody has a copy"
export WHORLD WHORL="$PWD/$BUILD/whorl --server $MANAGEMENT --ca $CA --token-file $DATA/admin.token"
run_drill() { CODE=0; "$PWD/deploy/drills/lost-hsm-no-copy.sh" "$@" >"$WORK/out" 2>&1 || CODE=$?; cat "$WORK/out"; }
for bad in '' "$DATA" "$DATA --token" "$DATA --files --token fresh" "$DATA --files --wait soon"; do
    # shellcheck disable=SC2086
    run_drill $bad >/dev/null
    expect "usage of \"${bad#"$DATA"}\"" "$CODE" 2
done
run_drill "$DATA" --token fresh
expect_in "one that is not lost" "$CODE $(tail -1 "$WORK/out")" "nothing is lost"
settings authorities,firmware
restart
whorl ca roll device-3 --yes >/dev/null
expect "the key of the one that issues is in the token" "$(place device-4)" "ca-device-4.token"
enrol last
mkdir -p "$WORK/fresh/tokens"
sed "s,$WORK/hsm/,$WORK/fresh/," "$WORK/hsm/softhsm2.conf" >"$WORK/fresh/softhsm2.conf"
cp "$MODULE" "$WORK/fresh/shim.so"
SOFTHSM2_CONF=$WORK/fresh/softhsm2.conf softhsm2-util --init-token --free --label fresh --pin "$PIN" --so-pin 12345678 >/dev/null
tell gone
for _ in $(seq 50); do
    new_key late # another one each time, or the answer needs no signature
    est last simplereenroll "$(csr late "$(openssl x509 -in "$WORK/last.crt" -noout -subject -nameopt compat | sed 's/^subject=//')")"
    if [ "$(status)" = 503 ]; then break; fi
    sleep 0.1
done
expect_status "nobody gets a certificate" 503
run_drill "$DATA" --token plane --module "$WORK/fresh/shim.so"
expect_in "a token that is not there changes nothing" "$CODE $(tail -1 "$WORK/out")" "does not answer, so nothing was changed"
cat >"$WORK/restart.sh" <<RESTART
kill -TERM $SERVER_PID
while kill -0 $SERVER_PID 2>/dev/null; do sleep 0.05; done
"$WHORLD" serve --dir "$DATA" >"$WORK/ready2" 2>>"$WORK/server.log" &
echo \$! >"$WORK/server.pid"
RESTART
mkdir "$WORK/vault" && mv "$DATA/keys/ca-root.key" "$WORK/vault/" # as of an offline root, which none of the drills touches
run_drill "$DATA" --token fresh --module "$WORK/fresh/shim.so" --restart "bash $WORK/restart.sh" --wait 0
wait "$SERVER_PID" 2>/dev/null || true
SERVER_PID=$(cat "$WORK/server.pid")
expect_in "the root must sign" "$CODE $(tail -1 "$WORK/out")" "1 "
expect_in "and how" "$(tail -1 "$WORK/out")" "sign what waits with root"
expect "who is there is served meanwhile" "$(device_json last GET /device/v1/status | jq -r .status)" enrolled
"$WHORLD" ca request --dir "$DATA" --out "$WORK/ceremony" --issuer root >/dev/null
"$WHORLD" ca sign --key "$WORK/vault/ca-root.key" --ca "$CA" --passphrase-file "$DATA/keys/passphrase" "$WORK/ceremony/root.ceremony.json" \
    -o "$WORK/answer.pem" --yes >/dev/null
"$WHORLD" ca import --dir "$DATA" "$WORK/answer.pem" >/dev/null
run_drill "$DATA" --token fresh --module "$WORK/fresh/shim.so" --wait 0
expect_in "the devices are not moved yet" "$CODE $(tail -1 "$WORK/out")" "devices use a lost authority yet"
expect "new ones issue, from the new token" "$(place device-5) $(place infrastructure-3)" "ca-device-5.token ca-infrastructure-3.token"
expect "nobody else does" "$(whorl ca list --json | jq -rs '[.[] | select(.state == "active") | .id] | sort | join(" ")')" "device-5 infrastructure-3 root"
expect "the last list of a lost one is served" "$(curl -sS "$PUBLIC/crl/device-2.crl" | openssl crl -inform DER -noout -CAfile "$WORK/ca-device-2.pem" 2>&1)" "verify OK"
moves() { # NAME: renews by the certificate that it has, and uses the new one
    expect "$1 is served by its old certificate" "$(device_json "$1" GET /device/v1/status | jq -r .status)" enrolled
    new_key "$1-next"
    est "$1" simplereenroll "$(csr "$1-next" "$(openssl x509 -in "$WORK/$1.crt" -noout -subject -nameopt compat | sed 's/^subject=//')")"
    expect_status "$1 renews" 200
    keep_certificate "$1-next"
    device_json "$1-next" GET /device/v1/status >"$WORK/json"
    issued_by "$1-next" device-5
}
moves last
moves spare
"$DEVICE_TOOL" fleet --count 48 --seed-base 7000 --connections 2 --server "$DEVICE" --ca "$CA" --stay 60s --contact-every 1s >"$WORK/fleet.out" 2>&1 &
PIDS+=($!)
run_drill "$DATA" --token fresh --module "$WORK/fresh/shim.so" --wait 30
expect_in "all are moved" "$CODE $(tail -1 "$WORK/out")" "no device uses a lost authority any more"
expect_fails "again: nothing is lost" "$PWD/deploy/drills/lost-hsm-no-copy.sh" "$DATA" --files
expect_in "the audit log holds" "$("$WHORLD" audit verify --dir "$DATA")" "The audit log verifies"
kill -TERM "$SERVER_PID"
