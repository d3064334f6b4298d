#!/usr/bin/env bash
# Builds the image of deploy/Containerfile on a bare Debian 13 (made by deploy/ci/debian13) and drives what deploy/compose.yaml makes of it from
# outside: the installation, made once with the secrets of files; a server on a read-only root without rights, health, a device from key to
# certificate, a restart that keeps everything; and the bill of materials, held against what the image's dpkg says. What the image's health check
# does is done here by hand: podman leaves it to systemd. Needs root; installs podman and runc when they are missing.
#   run.sh          all of it
#   run.sh image    only builds localhost/whorl, for tests that go on from there
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${WHORL_CI_CACHE:-/var/cache/whorl-ci}
deploy/ci/debian13 root
command -v podman >/dev/null && command -v runc >/dev/null || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends podman buildah runc >/dev/null
}
work=$(mktemp -d)
name=whorl-test-$$
cleanup() {
    podman --runtime runc rm -f "$name" >/dev/null 2>&1 || true
    podman volume rm "$name" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT
say() { printf 'ok   container: %s\n' "$*"; }
die() { printf 'FAIL container: %s\n' "$*" >&2; exit 1; }
port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

podman import -q "$cache/debian13-base.tar" localhost/debian:trixie-slim >/dev/null
version=$(make -s version)
buildah bud -q --format docker --isolation chroot --build-arg BASE=localhost/debian:trixie-slim --build-arg SOURCE_DATE_EPOCH=1700000000 \
    --build-arg REVISION=abc --build-arg CREATED=2023-11-14T22:13:20Z -f deploy/Containerfile -t localhost/whorl . \
    >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; die build; }
[ "${1:-}" != image ] || exit 0
inspect() { podman image inspect localhost/whorl --format "$1"; }
size=$(inspect '{{.Size}}')
base=$(podman image inspect localhost/debian:trixie-slim --format '{{.Size}}')
say "built, $(((size - base) / 1000000)) MB above its base"
[ "$(inspect '{{.Config.User}}')" = 10001:10001 ] || die "it runs as root"
inspect '{{.Config.Healthcheck.Test}}' | grep -q ping || die "no health check"
[ "$(inspect '{{index .Config.Labels "org.opencontainers.image.version"}} {{index .Config.Labels "org.opencontainers.image.revision"}} {{index .Config.Labels "org.opencontainers.image.licenses"}}')" = \
    "$version abc Apache-2.0" ] || die "its labels"

command=(podman --runtime runc run --rm --no-healthcheck --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --entrypoint)
"${command[@]}" cat localhost/whorl /usr/share/doc/whorl/sbom.cdx.json >"$work/sbom.json"
# shellcheck disable=SC2016 # dpkg-query's own
"${command[@]}" dpkg-query localhost/whorl -W -f '${Package}=${Version}\n' | sort >"$work/installed"
jq -r '.components[] | select(.type == "library") | "\(.name)=\(.version)"' "$work/sbom.json" | sort | diff - "$work/installed" || die "the bill of materials is not what is installed"
[ "$(jq -r '.metadata.component.version + " " + .metadata.timestamp' "$work/sbom.json")" = "$version 2023-11-14T22:13:20Z" ] || die "the bill's own version"
jq -e '[.dependencies[] | select(.ref == "whorl") | .dependsOn[]] | map(select(test("/libssl3|/libmicrohttpd12|/libsqlite3-0"))) | length == 3' "$work/sbom.json" >/dev/null || die "what Whorl depends on"
say "labels, and a bill of materials of $(wc -l <"$work/installed") packages, no more and no fewer than dpkg's"

public=$(port) device=$(port) management=$(port)
"${command[@]}" whorld localhost/whorl token make >"$work/admin_token"
openssl rand -hex 32 >"$work/ca_passphrase"
chmod 0755 "$work"
chmod 0444 "$work/admin_token" "$work/ca_passphrase"
sed "s|^WHORL_INSTALLATION_PUBLIC_URL=.*|WHORL_INSTALLATION_PUBLIC_URL=http://127.0.0.1:$public|" deploy/env.example >"$work/env"
compose_run() { # SERVICE OPTIONS…: as compose would
    local service=$1
    shift
    mapfile -t arguments < <(python3 -B tests/container/compose_arguments.py "$service" "$work/env" "$work" "$name")
    podman --runtime runc run --no-healthcheck --ulimit nproc=4096:4096 "$@" "${arguments[@]}"
}
up() { # init, and when it has ended well, the server
    compose_run init --rm --ulimit nofile=4096:4096 >"$work/init.txt" 2>&1 || { cat "$work/init.txt"; die "the service init"; }
    compose_run whorl -d --name "$name" -e WHORL_DEVICE_LISTEN="127.0.0.1:$device" -e WHORL_MANAGEMENT_LISTEN="127.0.0.1:$management" \
        -e WHORL_PUBLIC_LISTEN="127.0.0.1:$public" >/dev/null
    for _ in $(seq 100); do
        if podman --runtime runc exec "$name" whorld ping --dir /var/lib/whorl >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    podman --runtime runc logs "$name" 2>&1 | tail -n 20
    die "it was not ready in 10 s"
}
up
grep -q '^Made' "$work/init.txt" || die "what init says the first time"
say "up: made, and ready on a read-only root, without capabilities"

podman --runtime runc exec "$name" cat /var/lib/whorl/ca.pem >"$work/ca.pem"
if podman --runtime runc exec "$name" cat /var/lib/whorl/admin.token /var/lib/whorl/keys/passphrase >/dev/null 2>&1; then die "a secret is in the volume"; fi
token=$(cat "$work/admin_token")
if podman --runtime runc exec "$name" sh -c 'echo x >/usr/bin/x' 2>/dev/null; then die "the root file system can be written"; fi
tool=build/whorl-device
id=$($tool new --dir "$work/sensor" --seed 7 | head -n 1)
api() { curl -sS --fail-with-body --cacert "$work/ca.pem" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
api -d "{\"devices\":[\"$id\"]}" "https://127.0.0.1:$management/api/v1/batches" >/dev/null || die "a batch"
$tool enrol --dir "$work/sensor" --server "https://127.0.0.1:$device" --ca "$work/ca.pem" >/dev/null || die "an enrolment"
say "a device went from its key to a certificate"
podman --runtime runc stop -t 20 "$name" >/dev/null
podman --runtime runc rm -f "$name" >/dev/null 2>&1 || true
up
grep -q 'nothing is changed' "$work/init.txt" || die "what init says the second time"
[ "$(api "https://127.0.0.1:$management/api/v1/devices/$id" | jq -r .state)" = enrolled ] || die "the restart forgot the device"
$tool renew --dir "$work/sensor" --server "https://127.0.0.1:$device" --ca "$work/ca.pem" >/dev/null || die "a renewal"
say "stopped, up again, and nothing was forgotten"
