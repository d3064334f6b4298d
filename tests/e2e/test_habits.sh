#!/usr/bin/env bash
# The habits of the API on every resource alike: lists page by page, single reads with an ETag that answers 304, changes under If-Match.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
init_data
start_server
header() { tr -d '\r' <"$WORK/headers" | sed -n "s/^$1: //Ip"; }

say "what there is to read"
for way in token vendor_ca; do
    api POST /api/v1/products "{\"name\":\"by-$way\",\"admission\":\"$way\"}" >/dev/null
    expect_status "a product that admits by $way" 201
done
for name in a b; do
    api POST /api/v1/hubs "{\"name\":\"hub-$name\",\"host\":\"$name.example.com\"}" >/dev/null
    expect_status "hub $name" 201
    api POST /api/v1/products "{\"name\":\"product-$name\"}" >/dev/null
    expect_status "product $name" 201
    api POST /api/v1/tokens "{\"name\":\"token-$name\",\"scopes\":[\"audit:read\"]}" >/dev/null
    expect_status "token $name" 201
    api POST /api/v1/tenants "{\"name\":\"tenant-$name\"}" >/dev/null
    expect_status "tenant $name" 201
    new_identity "unit$name"
    api POST /api/v1/batches "{\"name\":\"batch-$name\",\"product\":\"product-$name\",\"devices\":[{\"id\":\"$ID\",\"serial\":\"SN-$name\"}]}" >/dev/null
    expect_status "batch $name" 201
    api POST /api/v1/client-certificates "{\"name\":\"erp-$name\",\"spki_sha256\":\"$ID\",\"scopes\":[\"devices:read\"]}" >/dev/null
    expect_status "client certificate $name" 201
    api POST /api/v1/enrolment-codes "{\"name\":\"code-$name\",\"kind\":\"batch\",\"product\":\"by-token\",\"use_limit\":5}" >/dev/null
    expect_status "enrolment code $name" 201
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj "/CN=maker $name" -days 900 \
        -addext 'keyUsage=critical,keyCertSign' -out "$WORK/maker.pem" 2>/dev/null
    api POST /api/v1/vendor-cas "$(jq -Rsc "{name: \"maker-$name\", product: \"by-vendor_ca\", certificate: .}" "$WORK/maker.pem")" >/dev/null
    expect_status "vendor CA $name" 201
    api POST /api/v1/webhooks "{\"name\":\"hook-$name\",\"url\":\"https://$name.example.com/whorl\",\"types\":[\"batch.imported\"]}" >/dev/null
    expect_status "webhook $name" 201
    new_key "op$name"
    est "unit$name" simpleenroll "$(csr "op$name")"
    expect_status "its device enrols" 200
done
DEVICE_ID=$ID

say "lists, page by page"
# pages PATH MEMBER KEY: one item a page gives the same items in the same order as all at once
pages() {
    local path=$1 member=$2 key=$3 join='?' next='' seen=''
    case $path in *\?*) join='&' ;; esac
    local all
    all=$(api GET "$path" | jq -r ".${member}[] | $key" | paste -sd' ')
    while :; do
        api GET "$path${join}limit=1${next:+&cursor=$next}" >"$WORK/page"
        seen="$seen $(jq -r ".${member}[] | $key" "$WORK/page")"
        next=$(jq -r '.next // empty' "$WORK/page")
        [ -n "$next" ] || break
        case $(header link) in *"cursor=$next>; rel=\"next\"") ;; *) die "$path: Link is \"$(header link)\"" ;; esac
    done
    expect "$path: $(wc -w <<<"$all")" "$(xargs <<<"$seen")" "$all"
}
pages /api/v1/tenants tenants .id
pages /api/v1/products products .id
pages /api/v1/hubs hubs .id
pages /api/v1/batches batches .id
pages /api/v1/devices devices .id
pages '/api/v1/devices?state=enrolled' devices .id
pages /api/v1/tokens tokens .id
pages /api/v1/certificates certificates .serial
pages /api/v1/authorities authorities .id
pages /api/v1/client-certificates client_certificates .id
pages /api/v1/enrolment-codes enrolment_codes .id
pages /api/v1/vendor-cas vendor_cas .id
pages /api/v1/webhooks webhooks .id
pages "/api/v1/devices/$DEVICE_ID/history" records .event_id
pages '/api/v1/audit?kind=batch.registered' records .event_id

say "single reads"
# reads PATH STATUS: the answer has an ETag, under which it is sent again with STATUS: 304, or 200 where counts change without a version
reads() {
    api GET "$1" >/dev/null
    [ "$(status)" = 200 ] || die "$1: $(status)"
    local tag
    tag=$(header etag)
    [ -n "$tag" ] || die "$1: no ETag"
    api GET "$1" '' -H "If-None-Match: \"other\", $tag" >/dev/null
    expect "$1" "$(status)" "$2"
}
first() { api GET "/api/v1/$1" | jq -r ".$1[0] | .$2"; }
HUB=$(first hubs id) BATCH=$(first batches id)
for path in "tenants/$(first tenants id)" "hubs/$HUB" "tokens/$(first tokens id)" "certificates/$(first certificates serial)" \
    authorities/device; do
    reads "/api/v1/$path" 304
done
CLIENT=$(api GET /api/v1/client-certificates | jq -r '.client_certificates[0].id')
MAKER=$(api GET /api/v1/vendor-cas | jq -r '.vendor_cas[0].id')
HOOK=$(first webhooks id)
reads "/api/v1/client-certificates/$CLIENT" 304
for path in "devices/$DEVICE_ID" "products/$(first products id)" "batches/$BATCH" "vendor-cas/$MAKER" "webhooks/$HOOK"; do reads "/api/v1/$path" 200; done

say "changes"
# changes PATH BODY: refused without a version, done under the right one, refused under the outdated one
changes() {
    local tag
    api GET "$1" >/dev/null
    tag=$(header etag)
    api PATCH "$1" "$2" >/dev/null
    expect "$1 without a version" "$(status)" 428
    api PATCH "$1" "$2" -H "If-Match: $tag" >/dev/null
    expect "under the right one" "$(status)" 200
    [ "$(header etag)" != "$tag" ] || die "$1: the ETag stayed"
    api PATCH "$1" "$2" -H "If-Match: $tag" >/dev/null
    expect "under the old one" "$(status)" 412
    api PATCH "$1" "$2" -H 'If-Match: *' -H 'Content-Type: application/merge-patch+json' >/dev/null
    expect "as a merge patch, whatever the version" "$(status)" 200
}
changes "/api/v1/hubs/$HUB" '{"port":8884}'
changes "/api/v1/products/$(first products id)" '{"renew_percent":50}'
changes "/api/v1/batches/$BATCH" '{"name":"renamed"}'
changes "/api/v1/devices/$DEVICE_ID" '{"note":"on the bench"}'
changes "/api/v1/tokens/$(api GET /api/v1/tokens | jq -r '.tokens[] | select(.name == "token-a").id')" '{"name":"token-c"}'
changes "/api/v1/client-certificates/$CLIENT" '{"name":"erp-c"}'
changes "/api/v1/vendor-cas/$MAKER" '{"name":"maker-c"}'
changes "/api/v1/webhooks/$HOOK" '{"name":"hook-c"}'
api POST "/api/v1/client-certificates/$CLIENT/revoke" '' >/dev/null
expect "a client certificate is revoked" "$(status) $(jq 'has("revoked_at")' "$WORK/body")" "200 true"

say "the ends of a device"
OTHER=$(api GET '/api/v1/devices?serial=SN-a' | jq -r '.devices[0].id')
api POST "/api/v1/devices/$OTHER/revoke" '{"reason":"keyCompromise","note":"found on a market"}' >/dev/null
expect "revoked" "$(status) $(jq -r '.state, .certificates[0].revocation_reason' "$WORK/body" | xargs)" "200 revoked keyCompromise"
api POST "/api/v1/devices/$DEVICE_ID/compromised" '{"reason":"cloned"}' >/dev/null
expect "compromised" "$(status) $(jq -r .state "$WORK/body")" "200 compromised"
api POST "/api/v1/devices/$DEVICE_ID/release" '{}' >/dev/null
expect_status "which is final" 409
stop_server
expect_in "the audit log verifies" "$("$WHORLD" audit verify --dir "$DATA")" "verifies"
