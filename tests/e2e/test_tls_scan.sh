#!/usr/bin/env bash
# What a scanner finds on the TLS listeners, all of it: versions, ciphers, groups, renegotiation, compression, the certificate. What is not
# in the lists below is a fault, whoever brought it in: a setting, a library, a change of ours.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need sslscan
init_data
start_server

# judge NAME FILE: each finding in sslscan's own words
judge() {
    python3 -B - "$2" <<'PY' || die "$1: see above"
import sys
import xml.etree.ElementTree as tree

VERSIONS = {"TLSv1.2", "TLSv1.3"}
CIPHERS = {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
           "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"}
GROUPS = {0x0017, 0x0018, 0x001D, 0x11EB, 0x11EC}  # P-256, P-384, X25519, and the two hybrids with ML-KEM-768
test = tree.parse(sys.argv[1]).getroot().find("ssltest")
protocols = {item.get("type").upper().replace("TLS", "TLSv") + item.get("version"): item.get("enabled") for item in test.findall("protocol")}
ciphers = {(item.get("sslversion"), item.get("cipher")) for item in test.findall("cipher")}
groups = {int(item.get("id"), 16) for item in test.findall("group")}
faults = []


def require(what, holds, seen):
    if not holds:
        faults.append(f"{what}: {seen}")


require("versions", {name for name, enabled in protocols.items() if enabled == "1"} == VERSIONS, protocols)
require("old versions were tried", {"SSL2", "SSL3", "TLSv1.0", "TLSv1.1"} <= set(protocols), protocols)
require("ciphers", {cipher for _, cipher in ciphers} == CIPHERS, ciphers)
require("groups", groups <= GROUPS and {0x0017, 0x001D} <= groups, groups)
require("renegotiation", test.find("renegotiation").get("supported") == "0", test.find("renegotiation").attrib)
require("compression", all(item.get("supported") == "0" for item in test.findall("compression")), "is offered")
require("heartbleed", all(item.get("vulnerable") == "0" for item in test.findall("heartbleed")), "is there")
certificate = test.find("certificates/certificate")
require("the certificate's signature", certificate.findtext("signature-algorithm") == "ecdsa-with-SHA256", certificate.findtext("signature-algorithm"))
require("its key", certificate.find("pk").get("bits") == "128", certificate.find("pk").attrib)
require("its dates", certificate.findtext("expired") == "false" and certificate.findtext("self-signed") == "false", "wrong")
print(*faults, sep="\n", end="\n" if faults else "")
sys.exit(1 if faults else 0)
PY
    say "ok  $1: $(grep -c '<cipher ' "$2") ciphers, $(grep -c '<group ' "$2") groups, nothing else"
}

for name in DEVICE MANAGEMENT; do
    sslscan --xml="$WORK/$name.xml" "${!name#https://}" >/dev/null
    judge "$name" "$WORK/$name.xml"
done

say "a scanner that would find something"
WEAK=127.0.0.1:$(free_port)
openssl s_server -accept "${WEAK#*:}" -cert "$DATA/tls/server.pem" -key <(openssl pkey -in "$DATA/keys/tls-server.key" -passin "file:$DATA/keys/passphrase") \
    -cipher 'ALL:@SECLEVEL=0' -naccept 1000 -quiet >/dev/null 2>"$WORK/s_server.log" &
PIDS+=($!)
for _ in $(seq 100); do if (exec 3<>"/dev/tcp/${WEAK%:*}/${WEAK#*:}") 2>/dev/null; then break; fi; sleep 0.05; done
sslscan --xml="$WORK/weak.xml" "$WEAK" >/dev/null
if (judge weak "$WORK/weak.xml") >"$WORK/out" 2>&1; then die "a server with every cipher passes"; fi
expect_in "it does, of OpenSSL's own server" "$(cat "$WORK/out")" "ciphers: "
