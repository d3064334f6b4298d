# What the drills share (sourced, bash): a folder for what they note, which ends with them, lines with the time that has passed, and waiting.
# shellcheck shell=bash
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
began=$(ms)
say() {
    local past=$(($(ms) - began))
    printf '%5d.%d s  %s\n' $((past / 1000)) $((past % 1000 / 100)) "$*"
}
fail() { say "$*"; exit 1; }
# wait_for SECONDS COMMAND…: until it succeeds
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt "$end" ] || return 1
        sleep 0.2
    done
}
