#!/usr/bin/env bash
# What one boot of the machine of tests/vm/run.sh does, by the words of docs/deployment.md:
#   1  the package as a service: started, reloaded, killed, hung, restarted behind its sockets
#   2  it came back with the machine; then `docker compose up` in its place, stopped, killed, and up again
#   3  the containers came back with the machine
set -euo pipefail
cd "$(dirname "$0")"
boot=$(($(cat /root/boot 2>/dev/null || echo 0) + 1))
echo $boot >/root/boot
say() { printf 'ok   vm: %s\n' "$*"; }
die() {
    printf 'FAIL vm: %s\n' "$*"
    journalctl -b --no-pager -u whorld -u whorld.socket -u docker | tail -n 40
    exit 1
}
# until WHAT SECONDS COMMAND…
until_() {
    local what=$1 seconds=$2
    shift 2
    for _ in $(seq $((seconds * 5))); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    die "$what: not within $seconds s"
}
of_service() { systemctl show -p "$1" --value whorld; }
is_ready() { [ "$(curl -s http://127.0.0.1:8080/readyz -o /dev/null -w '%{http_code}')" = 200 ]; }
api() { curl -sS --fail-with-body --cacert "$ca" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
enrol() { # FOLDER SEED: a device from its key to its certificate
    whorl-device new --dir "$1" --seed "$2" | head -n 1 >"$1.id"
    api -d "{\"devices\":[\"$(cat "$1.id")\"]}" https://127.0.0.1:9443/api/v1/batches >/dev/null || die "a batch"
    whorl-device enrol --dir "$1" --server https://127.0.0.1:8443 --ca "$ca" >/dev/null || die "an enrolment"
}
state() { api "https://127.0.0.1:9443/api/v1/devices/$(cat "$1.id")" | jq -r .state; }
remember_service() {
    cp /var/lib/whorl/ca.pem /root/ca.pem
    ca=/root/ca.pem token=$(cat /var/lib/whorl/admin.token)
}

service() {
    dpkg -i whorl.deb >/dev/null 2>&1 || die "dpkg -i"
    [ "$(systemctl is-enabled whorld) $(systemctl is-active whorld || true)" = "enabled inactive" ] || die "after the installation: $(systemctl is-enabled whorld) $(systemctl is-active whorld)"
    systemctl --failed --no-legend | grep . && die "something failed with the installation"
    install -d -m 0700 /etc/credstore
    (umask 077; openssl rand -hex 32 >/etc/credstore/whorl.ca_passphrase)
    systemd-run -q --pipe --wait --uid=whorl -p StateDirectory=whorl -p StateDirectoryMode=0700 -p LoadCredential=ca_passphrase:whorl.ca_passphrase \
        whorld init --dir /var/lib/whorl --name Acme --host localhost --host 127.0.0.1 --public-url http://127.0.0.1:8080 >/dev/null || die "init"
    systemctl start whorld || die "systemctl start"
    is_ready || die "started, and not ready"
    [ "$(of_service Type) $(of_service User)" = "notify whorl" ] || die "how it runs"
    [ ! -e /var/lib/whorl/keys/passphrase ] || die "the passphrase is in the directory"
    remember_service
    enrol /root/sensor 7
    say "installed, made with a passphrase that is a credential, started, and a device is enrolled"

    main=$(of_service MainPID)
    grep -q '^NoNewPrivs:.*1' "/proc/$main/status" && grep -q '^Seccomp:.*2' "/proc/$main/status" && grep -q '^CapBnd:.*0000000000000000' "/proc/$main/status" || die "what it may do"
    exposure=$(systemd-analyze security whorld --no-pager | sed -n 's/.*exposure level for whorld.service: \([0-9.]*\).*/\1/p')
    awk "BEGIN { exit !($exposure < 2.0) }" || die "systemd-analyze security: $exposure"
    say "systemd-analyze security of the running unit: $exposure"
    systemctl reload whorld || die "reload"
    [ "$(of_service MainPID) $(of_service ActiveState)" = "$main active" ] || die "after the reload"
    kill -9 "$main"
    until_ "a new process after kill -9" 120 is_ready
    [ "$(of_service NRestarts)" = 1 ] && [ "$(state /root/sensor)" = enrolled ] || die "after kill -9"
    say "reloaded; killed, started anew, and nothing was forgotten"

    mkdir -p /run/systemd/system/whorld.service.d
    printf '[Service]\nWatchdogSec=8\n' >/run/systemd/system/whorld.service.d/watchdog.conf
    systemctl daemon-reload && systemctl restart whorld
    main=$(of_service MainPID)
    sleep 12
    [ "$(of_service MainPID)" = "$main" ] || die "the watchdog ended a server that is well"
    kill -STOP "$main"
    until_ "a new process after it hung" 90 is_ready
    [ "$(of_service MainPID)" != "$main" ] || die "a server that hangs is left alone"
    journalctl -b -u whorld --no-pager | grep -qi 'watchdog' || die "nothing says why"
    rm -r /run/systemd/system/whorld.service.d
    systemctl daemon-reload
    say "a server that hangs is found by the watchdog, and replaced"
    sockets
}

sockets() {
    systemctl stop whorld
    systemctl enable -q --now whorld.socket || die "whorld.socket"
    [ "$(of_service ActiveState)" = inactive ] || die "the service runs before anybody came"
    [ "$(curl -s --max-time 60 http://127.0.0.1:8080/healthz -o /dev/null -w '%{http_code}')" = 200 ] || die "the first one who comes"
    (while [ ! -e /root/enough ]; do
        curl -sS --max-time 60 --cacert "$ca" -o /dev/null -H "Authorization: Bearer $token" https://127.0.0.1:9443/api/v1/tenants && echo come || echo turned-away
    done >/root/visits 2>&1) &
    local visitor=$!
    for _ in 1 2 3; do
        systemctl restart whorld
        sleep 1
    done
    touch /root/enough
    wait $visitor
    ! grep -v come /root/visits || die "a restart turned somebody away"
    say "behind the sockets of systemd: started by its first visitor, restarted 3 times, $(wc -l </root/visits) visits and none turned away"
    whorl-device renew --dir /root/sensor --server https://127.0.0.1:8443 --ca "$ca" >/dev/null || die "a renewal"
    systemctl disable -q --now whorld.socket
    systemctl restart whorld
}

compose() {
    docker load -q -i image.tar >/dev/null || die "docker load"
    docker tag localhost/whorl:latest whorl:latest
    mkdir -p /root/whorl/deploy/secrets
    cp compose.yaml env.example /root/whorl/deploy/
    cd /root/whorl/deploy
    chmod 0700 secrets
    openssl rand -hex 32 >secrets/ca_passphrase
    docker run --rm --network none whorl token make >secrets/admin_token
    chmod 0444 secrets/*
    sed 's|^WHORL_INSTALLATION_PUBLIC_URL=.*|WHORL_INSTALLATION_PUBLIC_URL=http://127.0.0.1:8080|' env.example >.env
    docker compose up -d >/root/compose.log 2>&1 || { cat /root/compose.log; die "docker compose up"; }
    until_ "ready in its container" 120 is_ready
    remember_compose
    enrol /root/gauge 8
    until_ "healthy by its own check" 120 is_healthy
    say "docker compose up: healthy, the token of the secret file is good, and a device is enrolled"
    docker compose restart whorl >/dev/null 2>&1
    until_ "ready again" 120 is_ready
    docker kill -s KILL "$(docker compose ps -q whorl)" >/dev/null
    docker compose up -d >/dev/null 2>&1
    until_ "ready after a kill" 120 is_ready
    docker compose down >/dev/null 2>&1
    docker compose up -d >/dev/null 2>&1 || die "docker compose up, the second time"
    until_ "ready after down and up" 120 is_ready
    [ "$(state /root/gauge)" = enrolled ] || die "the volume forgot the device"
    docker compose logs init 2>&1 | grep -q 'nothing is changed' || die "init changed something"
    say "restarted, killed, taken down and up again: nothing was forgotten"
}
is_healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$(docker compose -f /root/whorl/deploy/compose.yaml ps -q whorl)")" = healthy ]; }
remember_compose() {
    docker compose -f /root/whorl/deploy/compose.yaml exec -T whorl cat /var/lib/whorl/ca.pem >/root/compose-ca.pem
    ca=/root/compose-ca.pem token=$(cat /root/whorl/deploy/secrets/admin_token)
}

case $boot in
1) service ;;
2)
    until_ "the service, with the machine" 120 is_ready
    remember_service
    [ "$(state /root/sensor)" = enrolled ] || die "the machine's restart forgot the device"
    say "the service came back with the machine"
    systemctl disable -q --now whorld
    compose
    ;;
3)
    until_ "the containers, with the machine" 120 is_ready
    remember_compose
    [ "$(state /root/gauge)" = enrolled ] || die "the machine's restart forgot the device"
    whorl-device renew --dir /root/gauge --server https://127.0.0.1:8443 --ca "$ca" >/dev/null || die "a renewal"
    until_ "healthy" 120 is_healthy
    say "the containers came back with the machine"
    ;;
esac
echo "boot $boot done"
