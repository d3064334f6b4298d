#!/usr/bin/env bash
# Releases on the real server: drafted by whorl, signed by the server (also after it was killed in between), read back with nothing of
# ours, published; and everything that must not go out.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import cbor2, cryptography' 2>/dev/null || skip "python3-cbor2 or python3-cryptography is missing"
init_data
start_server

RELEASES=/api/v1/firmware/releases
whorl() { "$PWD/$BUILD/whorl" --server "$MANAGEMENT" --ca "$CA" --token-file "$DATA/admin.token" "$@"; }
upload() { # FILE VERSION [PRODUCT] [TOKEN]: the image's id
    curl -sS --cacert "$CA" -H "Authorization: Bearer ${4:-$TOKEN}" -H 'Content-Type: application/octet-stream' --data-binary "@$1" \
        "$MANAGEMENT/api/v1/firmware/images?product=${3:-default}&filename=$(basename "$1")&format=raw&version=$2" | jq -r .id
}
state() { api GET "$RELEASES/$1" | jq -r .state; }
wait_state() { # RELEASE STATE
    for _ in $(seq 100); do
        if [ "$(state "$1")" = "$2" ]; then say "ok  it is $2"; return; fi
        sleep 0.1
    done
    die "the release is not $2: $(api GET "$RELEASES/$1")"
}
create() { whorl firmware-release create default "$@" --json | jq -r .id; }
refused() { # WHAT PART STEP RELEASE
    api POST "$RELEASES/$4/$3" >"$WORK/answer"
    expect_status "$1" 409
    expect_in "and told why" "$(cat "$WORK/answer")" "$2"
}

KEY=$(whorl firmware-key create release --role manifest --json | tee "$WORK/key.json" | jq -r .id)
jq -r .public_key "$WORK/key.json" >"$WORK/key.pem"
head -c 70000 /dev/urandom >"$WORK/os.bin"
printf 'settings' >"$WORK/settings.bin"
OS=$(upload "$WORK/os.bin" 1.4.2)
SETTINGS=$(upload "$WORK/settings.bin" 7)

say "a release of two images, from the command line"
ONE=$(create --image "$OS,part=os" --image "$SETTINGS,part=settings" --manifest-key "$KEY" --kind security --sequence 12 --min-sequence 3 \
    --counter 4 --notes 'closes a hole')
expect "drafted" "$(state "$ONE")" draft
expect_in "listed" "$(whorl firmware-release list --product default --state draft)" 1.4.2
SUBJECT=$(api GET "$RELEASES/$ONE" | jq -r .subject_sha256)
whorl firmware-release edit "$ONE" --support-until 2031-12-31T00:00:00Z >/dev/null
expect "what does not stand in the manifest does not change its digest" "$(api GET "$RELEASES/$ONE" | jq -r .subject_sha256)" "$SUBJECT"
whorl firmware-release edit "$ONE" --counter 5 >/dev/null
[ "$(api GET "$RELEASES/$ONE" | jq -r .subject_sha256)" != "$SUBJECT" ] || die "the counter is not in the digest"
say "ok  what does, does"
expect_fails "no manifest before it is signed" whorl firmware-release manifest "$ONE" --output "$WORK/none"

say "approved, and the server dies"
api POST "$RELEASES/$ONE/approve" >/dev/null
expect_status "approved" 200
kill -9 "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || true
start_server
wait_state "$ONE" approved
whorl firmware-release manifest "$ONE" --output "$WORK/one.suit"
/usr/bin/python3 -B "$E2E/suit_reader.py" "$WORK/one.suit" "$WORK/key.pem" default default "" >"$WORK/said.json" || die "another reader does not take it"
say "ok  byte for byte the profile, and the signature holds"
expect "it says" "$(jq -c '[.sequence, .min_sequence, .images[0].size, .images[0].counter, .images[0].part, .images[1].version]' "$WORK/said.json")" \
    '[12,3,70000,5,"os","1.4.2"]'
expect "and names the bytes" "$(jq -r '.images[0].digest' "$WORK/said.json")" "$(sha256sum "$WORK/os.bin" | cut -d' ' -f1)"
expect "the digest of the envelope is told" "$(api GET "$RELEASES/$ONE" | jq -r .manifest_sha256)" "$(sha256sum "$WORK/one.suit" | cut -d' ' -f1)"
api GET "$RELEASES/$ONE/manifest" >/dev/null
expect_status "over REST too" 200
whorl firmware-release publish "$ONE" --yes >/dev/null
expect "published" "$(state "$ONE")" published
expect_in "images of a security release are kept" "$(api GET "/api/v1/firmware/images/$OS")" '"hold_until"'

say "nothing goes back"
printf 'other bytes' >"$WORK/other.bin"
OTHER=$(upload "$WORK/other.bin" 1.4.2)
TWO=$(create --image "$OTHER,part=os" --manifest-key "$KEY" --version 1.4.3 --counter 5)
refused "the same version with other bytes" "other bytes need another version" approve "$TWO"
printf 'newer' >"$WORK/newer.bin"
NEWER=$(upload "$WORK/newer.bin" 1.5.0)
whorl firmware-release edit "$TWO" --image "$NEWER,part=os" --version 1.5.0 --counter 4 >/dev/null
refused "a lower counter" "counter 4 is below 5" approve "$TWO"
whorl firmware-release edit "$TWO" --counter 5 --sequence 11 >/dev/null
refused "a lower sequence" "sequence 11 is not above 12" approve "$TWO"
api PATCH "$RELEASES/$TWO" '{"sequence":13}' -H 'If-Match: *' >/dev/null
expect_status "changed over REST" 200

say "images of others"
api POST /api/v1/products '{"name":"lamp"}' >/dev/null
LAMP=$(upload "$WORK/other.bin" 1.4.2 lamp)
"$WHORLD" tenant add --dir "$DATA" --name acme >/dev/null 2>&1
ACME=$("$WHORLD" token add --dir "$DATA" --tenant acme --name boss --scope admin --expires 30 2>/dev/null)
THEIRS=$(upload "$WORK/other.bin" 1.4.2 default "$ACME")
for id in "$LAMP" "$THEIRS"; do
    api POST $RELEASES "{\"product\":\"default\",\"images\":[{\"image\":\"$id\"}]}" >"$WORK/answer"
    expect_status "refused" 422
    expect "with the place" "$(jq -r '.errors[0].pointer' "$WORK/answer")" /images/0/image
done
AS=$ACME api GET "$RELEASES/$ONE" >/dev/null
expect_status "and they do not see ours" 404

say "a second person"
SECOND=$("$WHORLD" token add --dir "$DATA" --tenant default --name deputy --scope admin --expires 30 2>/dev/null)
MINE_TOO=$(api POST /api/v1/tokens "{\"name\":\"too\",\"scopes\":[\"admin\"],\"expires_at\":\"$(date -u -d '+1 day' +%Y-%m-%dT%H:%M:%SZ)\"}" | jq -r .token)
api PATCH /api/v1/dual-control '{"kinds":["firmware.approve"]}' -H 'If-Match: "0"' >/dev/null
api POST "$RELEASES/$TWO/approve" >"$WORK/answer"
expect_status "it waits" 202
ASKED=$(jq -r .id "$WORK/answer")
expect "for what" "$(jq -r .subject.manifest "$WORK/answer")" "$(api GET "$RELEASES/$TWO" | jq -r .subject_sha256)"
AS=$MINE_TOO api POST "/api/v1/approvals/$ASKED/approve" >/dev/null
expect_status "another token of the same person is no second one" 403
whorl firmware-release edit "$TWO" --notes 'another word' >/dev/null
AS=$SECOND api POST "/api/v1/approvals/$ASKED/approve" >/dev/null
expect_status "a change voids it" 409
expect "so it is told" "$(api GET "/api/v1/approvals/$ASKED" | jq -r .state)" void
ASKED=$(api POST "$RELEASES/$TWO/approve" | jq -r .id)
decide() { curl -sS --cacert "$CA" -H "Authorization: Bearer $SECOND" -X POST "$MANAGEMENT/api/v1/approvals/$ASKED/approve" -o "$WORK/two.$1"; }
decide 1 &
first=$!
decide 2 &
wait $first $!
wait_state "$TWO" approved
expect "once, of two at once" "$(whorl audit export | grep -c '"firmware_release.approved"')" 2

say "bytes that rot"
BLOB=$(sha256sum "$WORK/newer.bin" | cut -d' ' -f1)
FILE=$(find "$DATA/firmware" -name "$BLOB")
chmod u+w "$FILE"
printf 'X' | dd of="$FILE" conv=notrunc status=none
api POST "$RELEASES/$TWO/publish" >/dev/null
expect_status "are not published" 410
expect "and their image is withdrawn" "$(api GET "/api/v1/firmware/images/$NEWER" | jq -r .state)" withdrawn
expect "nothing came out" "$(state "$TWO")" approved
[ "$(upload "$WORK/newer.bin" 1.5.0)" = "$NEWER" ] || die "the same bytes again are another image"
api POST "$RELEASES/$TWO/publish" >/dev/null
expect_status "the same file again heals it" 200

say "going back on purpose"
api PATCH /api/v1/dual-control '{"kinds":[]}' -H 'If-Match: "1"' >"$WORK/answer"
AS=$SECOND api POST "/api/v1/approvals/$(jq -r .id "$WORK/answer")/approve" >/dev/null
BACK=$(create --rollback-of "$ONE" --manifest-key "$KEY")
expect "the former version under a new sequence" "$(api GET "$RELEASES/$BACK" | jq -c '[.version, .sequence]')" '["1.4.2",14]'
whorl firmware-release approve "$BACK" >/dev/null
wait_state "$BACK" approved
whorl firmware-release publish "$BACK" --yes >/dev/null
api POST "$RELEASES/$BACK/withdraw" '{"reason":"the newer one was right"}' >/dev/null
expect_status "withdrawn over REST" 200
expect_fails "and not twice" whorl firmware-release withdraw "$BACK" --reason again --yes
expect "withdrawn" "$(api GET "$RELEASES/$BACK" | jq -r '.state + ": " + .reason')" "withdrawn: the newer one was right"

say "a key that signs no more"
printf 'last' >"$WORK/last.bin"
api POST $RELEASES "{\"product\":\"default\",\"images\":[{\"image\":\"$(upload "$WORK/last.bin" 2.0.0)\",\"part\":\"os\"}],\"manifest_key\":\"$KEY\",\"counter\":5}" >"$WORK/answer"
expect_status "drafted over REST" 201
LAST=$(jq -r .id "$WORK/answer")
whorl firmware-key retire "$KEY" --yes >/dev/null
refused "it is refused" "retired" approve "$LAST"

say "SBOM"
printf '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}' >"$WORK/sbom.json"
api PUT "$RELEASES/$ONE/sbom" "$(cat "$WORK/sbom.json")" >/dev/null
expect_status "put" 200
api GET "$RELEASES/$ONE/sbom" >/dev/null
expect_status "got" 200
whorl firmware-release sbom "$ONE" --output "$WORK/back.json"
cmp -s "$WORK/sbom.json" "$WORK/back.json" || die "the SBOM is another one"
api PUT "$RELEASES/$ONE/sbom" '{"hello":1}' >/dev/null
expect_status "not any JSON" 422
api DELETE "$RELEASES/$LAST" >/dev/null
expect_status "a draft is removed" 204
api DELETE "$RELEASES/$ONE" >/dev/null
expect_status "nothing else is" 409
