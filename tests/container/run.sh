#!/usr/bin/env bash
# Builds the image of deploy/Containerfile on a bare Debian 13 (made by deploy/ci/debian13) and drives a container of it from outside:
# init, serve on a read-only root without rights, health, a device from key to certificate, a restart that keeps everything.
# What the image's health check does is done here by hand: podman leaves it to systemd. Needs root; installs podman and runc when they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${WHORL_CI_CACHE:-/var/cache/whorl-ci}
deploy/ci/debian13 >/dev/null
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
buildah bud -q --format docker --isolation chroot --build-arg BASE=localhost/debian:trixie-slim -f deploy/Containerfile -t localhost/whorl . \
    >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; die build; }
size=$(podman image inspect localhost/whorl --format '{{.Size}}')
base=$(podman image inspect localhost/debian:trixie-slim --format '{{.Size}}')
say "built, $(((size - base) / 1000000)) MB above its base"
[ "$(podman image inspect localhost/whorl --format '{{.Config.User}}')" = 10001:10001 ] || die "it runs as root"
podman image inspect localhost/whorl --format '{{.Config.Healthcheck.Test}}' | grep -q ping || die "no health check"

run() {
    podman --runtime runc run --rm --no-healthcheck --network host --read-only --cap-drop all --security-opt no-new-privileges \
        --ulimit nofile=20000:20000 --ulimit nproc=4096:4096 -v "$name:/var/lib/whorl" "$@"
}
public=$(port) device=$(port) management=$(port)
run localhost/whorl init --dir /var/lib/whorl --name Container --host localhost --host 127.0.0.1 \
    --public-url "http://127.0.0.1:$public" >"$work/init.txt"
if run localhost/whorl init --dir /var/lib/whorl >/dev/null 2>&1; then die "init took a directory that is in use"; fi
serve() {
    run -d --name "$name" -e WHORL_DEVICE_LISTEN="127.0.0.1:$device" -e WHORL_MANAGEMENT_LISTEN="127.0.0.1:$management" \
        -e WHORL_PUBLIC_LISTEN="127.0.0.1:$public" localhost/whorl >/dev/null
    for _ in $(seq 100); do
        if podman --runtime runc exec "$name" whorld ping --dir /var/lib/whorl >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    podman --runtime runc logs "$name" 2>&1 | tail -n 20
    die "it was not ready in 10 s"
}
serve
say "ready on a read-only root, without capabilities"

podman --runtime runc exec "$name" cat /var/lib/whorl/ca.pem >"$work/ca.pem"
token=$(podman --runtime runc exec "$name" cat /var/lib/whorl/admin.token)
if podman --runtime runc exec "$name" sh -c 'echo x >/usr/bin/x' 2>/dev/null; then die "the root file system can be written"; fi
tool=build/whorl-device
id=$($tool new --dir "$work/sensor" --seed 7 | head -n 1)
api() { curl -sS --fail-with-body --cacert "$work/ca.pem" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
api -d "{\"devices\":[\"$id\"]}" "https://127.0.0.1:$management/api/v1/batches" >/dev/null || die "a batch"
$tool enrol --dir "$work/sensor" --server "https://127.0.0.1:$device" --ca "$work/ca.pem" >/dev/null || die "an enrolment"
say "a device went from its key to a certificate"
podman --runtime runc stop -t 20 "$name" >/dev/null
podman --runtime runc rm -f "$name" >/dev/null 2>&1 || true
serve
[ "$(api "https://127.0.0.1:$management/api/v1/devices/$id" | jq -r .state)" = enrolled ] || die "the restart forgot the device"
$tool renew --dir "$work/sensor" --server "https://127.0.0.1:$device" --ca "$work/ca.pem" >/dev/null || die "a renewal"
say "stopped, started again, and nothing was forgotten"
