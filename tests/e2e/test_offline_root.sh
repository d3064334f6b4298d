#!/bin/bash
# The root's key leaves the data directory beside a running server; from then on its CRLs and the certificates of new issuing CAs are signed
# on a machine of their own (`whorld ca sign`) or by the openssl command, and brought in. Killed at any instant, the key is in one place at
# least, and the directory starts.
. "$(dirname "$0")/lib.sh"
need openssl

init_data
cd "$WORK"
printf 'sixteen bytes and more\n' >passphrase
start_server
crl() { curl -sS --fail "$PUBLIC/crl/root.crl" | openssl crl -inform DER -noout "$@"; }
wait_for_number() { for _ in $(seq 60); do [ "$(crl -crlnumber)" = "$1" ] && return 0; sleep 0.1; done; die "the CRL $1 is not published"; }

# --- killed anywhere: the key is somewhere, and the directory is whole
take() { "$WHORLD" ca take-offline --dir "$DATA" --id root --out vault --passphrase-file passphrase --crl-days 200; }
check_somewhere() {
    [ -e "$DATA/keys/ca-root.key" ] || openssl pkey -in vault/root.key -passin file:passphrase -noout 2>/dev/null || die "killed $1: the key is nowhere"
}
if command -v strace >/dev/null && strace -o trace true 2>/dev/null; then
    # at each file that is given its name, and at the one that goes
    for at in rename:when=2 rename:when=3 unlink:when=1; do
        if [ $at != unlink:when=1 ]; then rm -rf vault; fi # the copies are made anew
        (strace -f -o trace -e "inject=${at%%:*}:signal=KILL:${at#*:}" "$WHORLD" ca take-offline --dir "$DATA" --id root --out vault \
            --passphrase-file passphrase --crl-days 200 & wait $!) >out 2>&1 || true
        grep -q 'killed by SIGKILL' trace || die "it was not killed at $at"
        check_somewhere "at $at"
    done
else
    for delay in 0.2 0.4 0.6; do
        (timeout -s KILL $delay "$WHORLD" ca take-offline --dir "$DATA" --id root --out vault --passphrase-file passphrase --crl-days 200) >out 2>&1 || true
        check_somewhere "after $delay s"
    done
fi
say "ok  killed at every step, the key is in one place at least"
take >out
expect_in "the same command goes on, and says until when the CRL is good" "$(cat out)" "is in vault/root.key and nowhere else"
[ ! -e "$DATA/keys/ca-root.key" ] || die "the key is still in the keystore"
expect "the copy is the root's key" "$(openssl pkey -in vault/root.key -passin file:passphrase -pubout)" \
    "$(openssl x509 -in "$DATA/ca.pem" -pubkey -noout)"
expect "and lies there for its owner only" "$(stat -c %a vault/root.key)" 600
expect_fails "an issuing CA stays" "$WHORLD" ca take-offline --dir "$DATA" --id device --out vault --passphrase-file passphrase
expect_in "and why" "$(cat out)" "no root of this installation"

# --- the server runs on without it
number=$(jq .crl_number vault/root.key.state)
wait_for_number "$(printf 'crlNumber=0x%X' "$number")"
say "ok  the long CRL is published"
days=$((($(date -d "$(crl -nextupdate | cut -d= -f2)" +%s) - $(date +%s)) / 86400))
[ "$days" -ge 198 ] || die "the CRL is good for $days days"
expect "ready" "$(curl -sS -o /dev/null -w '%{http_code}' "$PUBLIC/readyz")" 200
! grep -q '"level":"error"' server.log || die "errors: $(grep '"level":"error"' server.log | head -2)"
"$WHORLD" check --dir "$DATA" >out || die "check: $(cat out)"
expect_in "check tells it" "$(cat out)" "offline"

# --- a new issuing CA: asked for, signed elsewhere, brought in
request() { "$WHORLD" ca request --dir "$DATA" --out requests --issuer root "$@"; }
request --new device-2 --role device >out
cp requests/device-2.csr.pem first.csr
request --new device-2 --role device >out
expect "the same pending one has the same request" "$(cat requests/device-2.csr.pem)" "$(cat first.csr)"
expect_fails "one for the edge needs names" request --new edge --role edge
expect_fails "and no other has any" request --new other --role device --permitted-dns edge.test
request --new edge --role edge --permitted-dns edge.test >out
expect "the request is good" "$(openssl req -in first.csr -noout -verify 2>&1 | grep -o 'verify OK')" "verify OK"
"$WHORLD" ca sign --key vault/root.key --ca vault/root.pem --passphrase-file passphrase requests/root.ceremony.json -o answer.pem --yes >out
expect_in "what was signed" "$(cat out)" 'a certificate of the issuing CA "device-2"'
expect_in "  … and below which names" "$(cat out)" "only below   edge.test"
head -c 300 answer.pem >cut.pem
expect_fails "an answer that is cut is refused" "$WHORLD" ca import --dir "$DATA" cut.pem
expect_fails "no files" "$WHORLD" ca import --dir "$DATA"
"$WHORLD" ca import --dir "$DATA" answer.pem >out
expect_in "the certificate is recognised" "$(cat out)" "certificate   device-2, issued by root"
next=$(jq .crl_number vault/root.key.state)
[ "$next" -gt "$number" ] || die "the number is $next after $number"
number=$next
expect_in "one for the edge too" "$(cat out)" "certificate   edge, issued by root"
expect_in "the CRL too" "$(cat out)" "CRL           of root, number $number, 0 entries"
wait_for_number "$(printf 'crlNumber=0x%X' "$number")"
say "ok  it is published as it is"
"$WHORLD" ca import --dir "$DATA" answer.pem >out
expect "twice changes nothing" "$(grep -c 'here already' out)" 3
openssl x509 -in answer.pem -out device-2.pem
expect_in "the edge's is bound to names" "$(api GET /api/v1/authorities/edge | jq -r .pem | openssl x509 -noout -ext nameConstraints)" "DNS:edge.test"
curl -sS --fail "$PUBLIC/crl/root.crl" | openssl crl -inform DER -out root.crl
expect "openssl verifies the new CA" "$(openssl verify -x509_strict -crl_check -CAfile "$DATA/ca.pem" -CRLfile root.crl device-2.pem)" "device-2.pem: OK"
api GET /api/v1/authorities/device-2 >out
expect "it stands by" "$(jq -r .state out)" standby

# --- the openssl command as the signer: its next CRL, and those that are refused
cat >ca.cnf <<CNF
[ca]
default_ca = x
[x]
database = index
crlnumber = number
default_md = sha256
crl_extensions = crl
unique_subject = no
[crl]
authorityKeyIdentifier = keyid
[delta]
authorityKeyIdentifier = keyid
2.5.29.27 = critical,DER:020101
CNF
: >index
gencrl() { openssl ca -config ca.cnf -gencrl -cert vault/root.pem -keyfile vault/root.key -passin file:passphrase -out "$@" 2>/dev/null; }
printf '%X\n' "$number" | sed 's/^\(..\)*.$/0&/' >number
gencrl same.crl -crldays 90
expect_fails "the number that was there" "$WHORLD" ca import --dir "$DATA" same.crl
expect_in "numbers only rise" "$(cat out)" "numbers only rise"
gencrl delta.crl -crldays 90 -crlexts delta
expect_fails "a delta" "$WHORLD" ca import --dir "$DATA" delta.crl
gencrl short.crl -crlsec 3
"$WHORLD" ca import --dir "$DATA" short.crl >out
for _ in $(seq 80); do
    ready=$(curl -sS -w ' %{http_code}' "$PUBLIC/readyz")
    [[ $ready != *"run out"* ]] || break
    sleep 0.1
done
expect "one that ended takes the traffic away, and readiness says why" "$ready" '{"status":"not_ready","reason":"the CRL of authority root has run out"} 503'
mv "$DATA/whorl.conf" kept.conf # no other signer process starts without it
pkill -KILL -P "$SERVER_PID" -x whorl-signer
for _ in $(seq 80); do
    ready=$(curl -sS "$PUBLIC/readyz")
    [[ $ready != *signer* ]] || break
    sleep 0.1
done
mv kept.conf "$DATA/whorl.conf"
expect "with all that is wrong" "$ready" \
    '{"status":"not_ready","reason":"the CRL of authority root has run out; nothing is signed just now: the signer is away"}'
expect_fails "so does a ping" "$WHORLD" ping --dir "$DATA"
expect_in "and says it too" "$(cat out)" "the CRL of authority root has run out"
gencrl next.crl -crldays 20
api POST /api/v1/authorities/device/crl "$(jq -n --rawfile crl next.crl '{$crl}')" >out
expect_status "not as another's" 422
api POST /api/v1/authorities/nobody/crl "$(jq -n --rawfile crl next.crl '{$crl}')" >out
expect_status "nor as nobody's" 404
api POST /api/v1/authorities/root/crl "$(jq -n --rawfile crl answer.pem '{$crl}')" >out
expect_status "a certificate beside it is too much" 422
api POST /api/v1/authorities/root/crl "$(jq -n --rawfile crl next.crl '{$crl}')" >out
expect_status "one of the openssl command is taken over REST" 200
expect "as a new one" "$(jq .is_new out)" true
api POST /api/v1/authorities/root/crl "$(jq -n --rawfile crl next.crl '{$crl}')" >out
expect "once more it is here already" "$(jq .is_new out)" false
wait_for_number "$(openssl crl -in next.crl -noout -crlnumber)"
say "ok  and published"
for _ in $(seq 80); do
    ready=$(curl -sS "$PUBLIC/readyz")
    [[ $ready = *signer* ]] || break
    sleep 0.1
done
expect "ready again" "$ready" '{"status":"ready"}'
"$WHORLD" check --dir "$DATA" >out || die "check: $(cat out)"
expect_in "check tells that it runs out within a month" "$(cat out)" "runs out soon"
curl -sS --fail "$PUBLIC/crl/device.crl" -o device.crl
"$WHORLD" ca import --dir "$DATA" device.crl >out
expect_in "a list of ours is here already" "$(cat out)" "here already  device"

# --- and it starts again
stop_server
start_server
expect "the imported CRL is published from the start" "$(crl -crlnumber)" "$(openssl crl -in next.crl -noout -crlnumber)"

# --- the root is rolled over while its key is elsewhere, and its successor's key leaves too
ca() { api POST "/api/v1/authorities$1" "${2:-{\}}"; } # PATH BODY
in_json() { jq -n --rawfile certificate "$1" '{$certificate}'; }
digest() { device_json op GET /device/v1/status | jq -r .anchors_sha256; }
sign() { "$WHORLD" ca sign --key "$1.key" --ca "$1.pem" --passphrase-file passphrase "requests/$2.ceremony.json" -o answer.pem --yes >out; } # VAULT/ROOT ROOT
split() { csplit -s -z -f "$1-" answer.pem '/^-----BEGIN/' '{*}'; } # PREFIX: a file for each that was signed
cp "$CA" old-root.pem
new_identity birth
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
keep_certificate op
"$DEVICE_TOOL" new --dir unit --seed 31 | head -n 1 >unit.id
register "$(cat unit.id)"
contact() { "$DEVICE_TOOL" "$1" --dir unit --server "$DEVICE" --ca old-root.pem "${@:2}" >out 2>&1 || die "whorl-device $1: $(cat out)"; }
contact enrol
before=$(digest)
ca /root/roll >out
expect_status "nobody here can sign NewWithOld" 409
expect_in "and why" "$(jq -r .detail out)" '"external": true'
ca /root/roll '{"external":true}' >out
expect "a successor is made all the same" "$(status) $(jq -r '.id + " " + .state' out)" "201 root-2 active"
expect "the new root has signed the old one" "$(api GET /api/v1/authorities/root-2/cross-certificates | jq -r '[.cross_certificates[].kind] | join(" ")')" old_with_new
ca /device/roll '{"issuer":"root-2","external":true}' >out
expect_status "nothing is to stand on it yet" 409
expect "devices are told nothing before their own root vouches for it" "$(digest)" "$before"
request >out
sign vault/root root
expect_in "the old root is asked to sign the new one" "$(cat out)" 'will trust the root "root-2" too'
split old
ca /device/certificate "$(in_json old-00)" >out
expect_status "a cross certificate is no authority's own" 409
ca /root-2/cross-certificates "$(in_json answer.pem)" >out
expect_status "a CRL beside it is too much" 422
ca /root-2/cross-certificates "$(in_json old-00)" >out
expect "the cross certificate comes in" "$(status) $(jq -r '.is_new, .items[0].kind' out | xargs)" "200 true new_with_old"
api POST /api/v1/authorities/root/crl "$(jq -n --rawfile crl old-01 '{$crl}')" >out
expect_status "and the CRL" 200
[ "$(digest)" != "$before" ] || die "status tells of no new root"
contact run --contacts 1
expect_in "then they are, and take it" "$(cat out)" "trust anchors: 2 in force, 1 new, 0 gone"
"$WHORLD" ca take-offline --dir "$DATA" --id root-2 --out vault --passphrase-file passphrase --crl-days 200 >out
ca /device/roll '{"issuer":"root-2","external":true}' >out
ca /infrastructure/roll '{"issuer":"root-2","external":true}' >out
expect_status "both issuing authorities ask the new root" 201
"$WHORLD" ca request --dir "$DATA" --out requests --issuer root-2 >out
sign vault/root-2 root-2
split new
for file in new-00 new-01; do
    case $(openssl x509 -in $file -noout -subject) in *Device*) mv $file device.pem ;; *) mv $file infrastructure.pem ;; esac
done
ca /device-3/certificate "$(in_json infrastructure.pem)" >out
expect "each for its own" "$(status) $(jq -r '.errors[0].detail | test("another key")' out)" "422 true"
for id in device-3:device infrastructure-2:infrastructure; do
    ca "/${id%:*}/certificate" "$(in_json "${id#*:}.pem")" >out
    ca "/${id%:*}/activate" >out
    expect "${id%:*} is brought in and activated" "$(status) $(jq -r '.state + " " + .issuer' out)" "200 active root-2"
done
ca /root/finish-roll >out
expect "the roll-over is finished" "$(status) $(jq -r '.id, .is_default' out | xargs)" "200 root-2 true"
for _ in $(seq 60); do curl -sS --cacert vault/root-2.pem -o /dev/null "$DEVICE/.well-known/est/cacerts" 2>/dev/null && break; sleep 0.1; done
for root in old-root.pem vault/root-2.pem; do
    curl -sS --cacert $root "$DEVICE/.well-known/est/cacerts" | base64 -d | openssl pkcs7 -inform DER -print_certs -out set.pem || die "who trusts only $root is not served"
done
new_key next
est op simplereenroll "$(csr next "$(openssl x509 -in op.crt -noout -subject -nameopt compat | sed 's/^subject=//')")"
expect_status "the device rekeys" 200
keep_certificate next
cat device.pem old-00 >sent.pem
for root in old-root.pem vault/root-2.pem; do
    expect "openssl verifies its certificate from $root" "$(openssl verify -x509_strict -CAfile $root -untrusted sent.pem next.crt)" "next.crt: OK"
done
stop_server
"$WHORLD" audit verify --dir "$DATA" >out || die "$(cat out)"
