#!/bin/bash
# A device CA under a company's CA: root and policy CA are made and run with the openssl command, the request is signed by it, and the
# certificate comes in with its chain. Devices then enrol under the company's root.
. "$(dirname "$0")/lib.sh"
need openssl

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
"$WHORLD" ca request --dir "$DATA" --out requests --new device-2 --role device >out
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
expect "nothing of this came in" "$(api GET /api/v1/authorities | jq -r '[.authorities[] | select(.state != "pending") | .id] | join(" ")')" \
    "device infrastructure root"

# --- as PKCS #7, as company CAs send it
openssl crl2pkcs7 -nocrl -certfile good.pem -certfile policy.pem -certfile root.pem -out good.p7b
import good.p7b >out
expect_in "the certificate is recognised by its key" "$(cat out)" "certificate   device-2, issued by external-"
expect "the company's CAs come along" "$(grep -c 'external CA' out)" 2
import good.p7b >out
expect "twice changes nothing" "$(grep -c 'here already' out)" 3
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
python3 - "$DATA/inventory.db" <<'PY'
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=20) as db:  # what activating it does
    db.execute("UPDATE authority SET is_default = 0, ver = ver + 1 WHERE id = 'device'")
    db.execute("UPDATE authority SET state = 0, is_default = 1, ver = ver + 1 WHERE id = 'device-2'")
    db.execute("UPDATE authority_change SET ver = ver + 1")
PY
sleep 1.3
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
stop_server
