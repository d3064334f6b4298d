#!/bin/bash
# takes long
# A device CA under a company's CA: root and policy CA are made and run with the openssl command, the request is signed by it, and the
# certificate comes in with its chain. Devices then enrol under the company's root.
. "$(dirname "$0")/lib.sh"
need openssl
WHORL=$PWD/$BUILD/whorl

init_data
cd "$WORK"

# --- the company: a root and a policy CA under it
cat >company.cnf <<CNF
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[policy]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[device]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
crlDistributionPoints = URI:http://pki.company.example/policy.crl
[further]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[unlimited]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
basicConstraints = critical,CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CNF
new_ca() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout "$1.key" -out "$1.csr" -subj "/O=Company/CN=$2" 2>/dev/null; }
new_ca root "Company Root CA"
openssl x509 -req -in root.csr -signkey root.key -extfile company.cnf -extensions root -days 7300 -out root.pem 2>/dev/null
new_ca policy "Company Policy CA"
openssl x509 -req -in policy.csr -CA root.pem -CAkey root.key -extfile company.cnf -extensions policy -days 5000 -out policy.pem 2>/dev/null
# signed PROFILE NAME [OPTIONS…]: what the policy CA makes of our request
signed() {
    local profile=$1 name=$2
    shift 2
    openssl x509 -req -in requests/device-2.csr.pem -CA policy.pem -CAkey policy.key -extfile company.cnf -extensions "$profile" -sha256 \
        -days 4000 -out "$name.pem" "$@" 2>/dev/null
}
import() { "$WHORLD" ca import --dir "$DATA" "$@"; }
refused() { # WHAT WORDS FILES…
    local what=$1 words=$2
    shift 2
    expect_fails "$what is refused" import "$@"
    expect_in "  and why" "$(cat out)" "$words"
}

# --- the request, and what must not come of it
start_server
mkdir requests
ca() { api POST "/api/v1/authorities$1" "${2:-{\}}"; } # PATH BODY
request_of() { api GET "/api/v1/authorities/$1/request" | jq -r .pem >"requests/$1.csr.pem"; }
in_json() { jq -n --rawfile certificate "$1" '{$certificate}'; }
ca "" '{"role":"device","external":true}' >out
expect "an authority is ordered that somebody else certifies" "$(status) $(jq -r '.id + " " + .state' out)" "201 device-2 pending"
request_of device-2
ca /device-2/activate >out
expect_status "it issues nothing before that" 409
expect_in "it asks for what it needs" "$(openssl req -in requests/device-2.csr.pem -noout -text)" "CA:TRUE, pathlen:0"
for profile in further unlimited server leaf; do signed $profile $profile; done
signed device weak -sha1
signed device long -days 6000
signed device good -set_serial 0x1001
refused "a CA that could make further CAs" "needs pathlen 0" further.pem policy.pem root.pem
refused "a CA without pathlen" "has no pathlen" unlimited.pem policy.pem root.pem
refused "a CA for servers only" "forbids clientAuth" server.pem policy.pem root.pem
refused "no CA at all" "basicConstraints" leaf.pem policy.pem root.pem
refused "a signature with SHA-1" "SHA-1" weak.pem policy.pem root.pem
refused "a life beyond its issuer's" "goes beyond its issuer's" long.pem policy.pem root.pem
refused "a chain without its root" "is not here: give its certificate too" good.pem policy.pem
refused "a chain without its middle" "is not here: give its certificate too" good.pem root.pem
new_ca other "Device CA of somebody"
openssl x509 -req -in other.csr -CA policy.pem -CAkey policy.key -extfile company.cnf -extensions device -days 4000 -out other.pem 2>/dev/null
refused "a certificate for another key" "is of no authority here" other.pem policy.pem root.pem
refused "a private key that came along" "PRIVATE KEY" good.pem policy.pem root.pem root.key
head -c 500 good.pem >cut.pem
refused "a cut file" "broken" cut.pem policy.pem root.pem
head -c 3000000 /dev/zero >huge
expect_fails "a huge file is refused" import huge
# over REST the same rules hold
for name in further unlimited server leaf weak long good other; do
    cat $name.pem policy.pem >with_policy.pem
    ca /device-2/certificate "$(in_json with_policy.pem)" >out
    expect "over REST: $name" "$(status) $(jq -r '.errors[0].pointer' out)" "422 /certificate"
done
ca /device/certificate "$(in_json good.pem)" >out
expect_status "for an authority that has its certificate" 409
ca /device-2/certificate "$(head -c 60000 /dev/zero | tr '\0' x | jq -Rs '{certificate: .}')" >out
expect_status "too long a text" 422
expect "nothing of this came in" "$(api GET /api/v1/authorities | jq -r '[.authorities[] | select(.state != "pending") | .id] | join(" ")')" \
    "device infrastructure root"

# --- as PKCS #7, as company CAs send it
openssl crl2pkcs7 -nocrl -certfile good.pem -certfile policy.pem -certfile root.pem -out good.p7b
ca /device-2/certificate "$(in_json good.p7b)" >out
expect "the certificate comes in with the company's CAs" "$(status) $(jq -rc '[.is_new, .items[].kind]' out)" '200 [true,"external","external","certificate"]'
ca /device-2/certificate "$(in_json good.p7b)" >out
expect "twice changes nothing" "$(status) $(jq -rc '[.is_new, .items[].kind]' out)" '200 [false,"known","known","known"]'
import good.p7b >out
expect "at the console neither" "$(grep -c 'here already' out)" 3
cacerts() { curl -sS --cacert "$CA" "$DEVICE/.well-known/est/cacerts" | base64 -d | openssl pkcs7 -inform DER -print_certs; }
for _ in $(seq 40); do [ "$(cacerts | grep -c BEGIN)" = 6 ] && break; sleep 0.1; done
expect_in "cacerts has the company's root" "$(cacerts)" "Company Root CA"
expect_in "and the policy CA" "$(cacerts)" "Company Policy CA"
expect "the authority's chain leads to the company's root" "$(curl -sS --cacert "$CA" -H "Authorization: Bearer $TOKEN" \
    -H 'Accept: application/pem-certificate-chain' "$MANAGEMENT/api/v1/authorities/device-2/chain" | grep -c BEGIN)" 3

# --- the company's CRLs: brought in, published as they are
cat >ca.cnf <<CNF
[ca]
default_ca = x
[x]
database = index
crlnumber = number
default_md = sha256
crl_extensions = crl
[crl]
authorityKeyIdentifier = keyid
CNF
: >index
echo 1000 >number
openssl ca -config ca.cnf -gencrl -cert policy.pem -keyfile policy.key -crldays 90 -out policy.crl 2>/dev/null
import policy.crl >out
expect_in "the policy CA's CRL is taken" "$(cat out)" "number 4096, 0 entries"
policy=$(sed -n 's/.* of \(external-[0-9a-f]*\),.*/\1/p' out)
for _ in $(seq 40); do curl -sS --fail "$PUBLIC/crl/$policy.crl" -o served.crl 2>/dev/null && break; sleep 0.1; done
expect "and published as it is" "$(openssl crl -inform DER -in served.crl -noout -fingerprint)" "$(openssl crl -in policy.crl -noout -fingerprint)"

# --- it issues: devices enrol under the company's root
ca /device-2/activate >out
expect "it is activated" "$(status) $(jq -r '.state, .is_default' out | xargs)" "200 active true"
new_identity birth
register "$ID"
new_key op
est birth simpleenroll "$(csr op)"
expect_status "a device enrols" 200
keep_certificate op
cat policy.pem good.pem >middle.pem
expect "openssl verifies it from the company's root" \
    "$(openssl verify -x509_strict -purpose sslclient -CAfile root.pem -untrusted middle.pem op.crt)" "op.crt: OK"
expect "its status under it" "$(device_json op GET /device/v1/status | jq -r .status)" enrolled
expect_in "its CRL is ours" "$(openssl x509 -in op.crt -noout -text)" "$PUBLIC/crl/device-2.crl"
for _ in $(seq 40); do curl -sS --fail "$PUBLIC/crl/device-2.crl" -o device-2.crl 2>/dev/null && break; sleep 0.1; done
openssl crl -inform DER -in device-2.crl -out device-2.pem
expect "and verifies with it" "$(openssl verify -crl_check -CAfile root.pem -untrusted middle.pem -CRLfile device-2.pem op.crt)" "op.crt: OK"
"$DEVICE_TOOL" new --dir unit --seed 32 | head -n 1 >unit.id
register "$(cat unit.id)"
for verb in enrol "run --contacts 1"; do
    # shellcheck disable=SC2086 # words
    "$DEVICE_TOOL" ${verb%% *} --dir unit --server "$DEVICE" --ca "$CA" ${verb#"${verb%% *}"} >out 2>&1 || die "whorl-device $verb: $(cat out)"
done
! grep -q refused out || die "the company's root stops whorl-device from taking anchors: $(cat out)"
say "ok  whorl-device leaves the company's root aside"

# --- and its successor, with a new key, the same way: the chain is here already
ca /device-2/roll '{"external":true}' >out
expect "rolled over" "$(status) $(jq -r '.id + " " + .state + " " + .predecessor' out)" "201 device-3 pending device-2"
request_of device-3
openssl x509 -req -in requests/device-3.csr.pem -CA policy.pem -CAkey policy.key -extfile company.cnf -extensions device -sha256 -days 3900 \
    -out device-3.pem 2>/dev/null
WHORL_TOKEN=$TOKEN WHORL_SERVER=$MANAGEMENT WHORL_CA=$CA XDG_CONFIG_HOME=$WORK "$WHORL" ca import device-3 device-3.pem >out
expect "it stands by, and the one before issues" "$(api GET /api/v1/authorities | jq -r '[.authorities[] | select(.id | startswith("device-")) | .state] | join(" ")')" "active standby"
ca /device-3/activate >out
expect "then it takes its place" "$(api GET /api/v1/authorities | jq -r '[.authorities[] | select(.id | startswith("device-")) | .state] | join(" ")')" "retiring active"
new_key next
est op simplereenroll "$(csr next "$(openssl x509 -in op.crt -noout -subject -nameopt compat | sed 's/^subject=//')")"
expect_status "the device rekeys under it" 200
keep_certificate next
cat policy.pem device-3.pem >middle.pem
expect "openssl verifies that from the company's root" \
    "$(openssl verify -x509_strict -purpose sslclient -CAfile root.pem -untrusted middle.pem next.crt)" "next.crt: OK"

# --- the company revokes it: nothing is issued under it any more, and somebody must look
openssl ca -config ca.cnf -revoke device-3.pem -crl_reason keyCompromise -cert policy.pem -keyfile policy.key 2>/dev/null
openssl ca -config ca.cnf -gencrl -cert policy.pem -keyfile policy.key -crldays 90 -out policy.crl 2>/dev/null
ca "/$policy/crl" "$(jq -n --rawfile crl policy.crl '{$crl}')" >out
expect "the company's list revokes the authority" "$(status) $(jq -r .note out)" "200 it revokes what stands here: 1 authority issues no more (alarm authority.revoked)"
expect "it issues nothing any more" "$(api GET /api/v1/authorities/device-3 | jq -r .state)" retiring
expect "and a critical alarm stands" "$(api GET /api/v1/alarms | jq -r '.alarms[] | select(.kind == "authority.revoked") | .severity + " " + .subject')" "critical device-3"
new_key late
est next simplereenroll "$(csr late "$(openssl x509 -in next.crt -noout -subject -nameopt compat | sed 's/^subject=//')")"
expect_status "a device is told to come again" 503
ca /device/activate >out
est next simplereenroll "$(csr late "$(openssl x509 -in next.crt -noout -subject -nameopt compat | sed 's/^subject=//')")"
expect_status "and served when another authority issues" 200
stop_server
"$WHORLD" audit verify --dir "$DATA" >out || die "$(cat out)"
