#!/usr/bin/env bash
# make_fixture.sh BUILD OUT.tar.xz: a data directory as the programs in the folder BUILD leave it, with devices that live in it, for
# tests/e2e/test_upgrade.sh, which opens it with today's. Made once, at the end of a stage of the project, and kept for good: what a
# migration must cope with is what was really written. The server ends by kill -9, so what it had not put away is in there too.
#   data/        the directory
#   devices/N/   whorl-device's folders: 0 rekeyed, 1 enrolled, 2 revoked, 3 registered only
#   said/N.json  what the API said of each at the end; said/release.json of a release of firmware, where there is one
set -euo pipefail
build=$(realpath "$1")
out=$(realpath -m "$2")
work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill -9 "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
cd "$work"
mkdir devices said

"$build/whorld" init --dir data --host localhost --host 127.0.0.1 --public-url http://127.0.0.1:21980 >/dev/null
printf 'device_listen = 127.0.0.1:0\nmanagement_listen = 127.0.0.1:0\npublic_listen = 127.0.0.1:0\n' >>data/whorl.conf
"$build/whorld" serve --dir data >ready 2>log &
server=$!
for _ in $(seq 200); do if grep -q ready ready; then break; fi; sleep 0.05; done
device=https://$(jq -r .device ready)
management=https://$(jq -r .management ready)
api() { curl -sS --fail-with-body --cacert data/ca.pem -H "Authorization: Bearer $(cat data/admin.token)" -H 'Content-Type: application/json' "$@"; }
tool() { local what=$1 n=$2; shift 2; "$build/whorl-device" "$what" --dir "devices/$n" "$@"; }

for n in 0 1 2 3; do tool new "$n" --seed "$((7000 + n))" | cut -d ' ' -f 1; done >ids
jq -R . ids | jq -s '{name: "fixture", devices: .}' >batch.json
api -X POST --data-binary @batch.json "$management/api/v1/batches" >/dev/null
for n in 0 1 2; do tool enrol "$n" --server "$device" --ca data/ca.pem >/dev/null; done
tool status 0 --server "$device" --ca data/ca.pem >/dev/null
tool rekey 0 --server "$device" --ca data/ca.pem >/dev/null
tool status 0 --server "$device" --ca data/ca.pem >/dev/null
serial=$(api "$management/api/v1/devices/$(sed -n 3p ids)" | jq -r '.certificates[0].serial')
api -X POST --data '{"reason": "keyCompromise"}' "$management/api/v1/certificates/$serial/revoke" >/dev/null
# where the build knows of firmware: a release that is published, and its blob
if "$build/whorl" help firmware-release >/dev/null 2>&1; then
    whorl() { "$build/whorl" --server "$management" --ca data/ca.pem --token-file data/admin.token "$@"; }
    key=$(whorl firmware-key create release --role manifest --json | jq -r .id)
    printf 'firmware of the fixture' >image.bin
    image=$(curl -sS --fail --cacert data/ca.pem -H "Authorization: Bearer $(cat data/admin.token)" -H 'Content-Type: application/octet-stream' \
        --data-binary @image.bin "$management/api/v1/firmware/images?product=default&filename=image.bin&format=raw&version=1.0" | jq -r .id)
    release=$(whorl firmware-release create default --image "$image,part=app" --manifest-key "$key" --sequence 1 --json | jq -r .id)
    api -X POST "$management/api/v1/firmware/releases/$release/approve" >/dev/null
    for _ in $(seq 200); do
        if [ "$(api "$management/api/v1/firmware/releases/$release" | jq -r .state)" = approved ]; then break; fi
        sleep 0.05
    done
    api -X POST "$management/api/v1/firmware/releases/$release/publish" >said/release.json
fi
n=0
while read -r id; do
    api "$management/api/v1/devices/$id" >"said/$n.json"
    n=$((n + 1))
done <ids
kill -9 "$server"
wait "$server" 2>/dev/null || true
server=
find data -name '*.lock' -delete
tar --sort=name --owner=0 --group=0 --numeric-owner -cJf "$out" data devices said
