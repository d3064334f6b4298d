# A SoftHSM token for a test (sourced after lib.sh): in $WORK/hsm, behind a module that misbehaves when $WORK/hsm/control says so
# (tests/pkcs11/shim.c).
# shellcheck shell=bash disable=SC2034
need softhsm2-util
MODULE=$WORK/hsm/shim.so
PIN=4711-0815

# new_token LABEL: made in $WORK/hsm, whose PIN is in $WORK/pin
new_token() {
    if [ ! -d "$WORK/hsm" ]; then
        mkdir -p "$WORK/hsm/tokens"
        printf 'directories.tokendir = %s/hsm/tokens\nobjectstore.backend = file\n' "$WORK" >"$WORK/hsm/softhsm2.conf"
        # shellcheck disable=SC2046 # flags
        cc -std=c11 -D_GNU_SOURCE -O1 -fPIC -shared $(pkg-config --cflags p11-kit-1) -o "$MODULE" "$PWD/tests/pkcs11/shim.c" -ldl
        (umask 077 && printf '%s\n' "$PIN" >"$WORK/pin")
    fi
    SOFTHSM2_CONF=$WORK/hsm/softhsm2.conf softhsm2-util --init-token --free --label "$1" --pin "$PIN" --so-pin 12345678 >/dev/null
}
in_token() { SOFTHSM2_CONF=$WORK/hsm/softhsm2.conf "$@"; }
# tell WORDS…: what the module does wrong from now on; none: nothing
tell() { printf '%s' "$*" >"$WORK/hsm/control.new" && mv "$WORK/hsm/control.new" "$WORK/hsm/control"; }
# How often a PIN was tried.
logins() { if [ -f "$WORK/hsm/logins" ]; then stat -c %s "$WORK/hsm/logins"; else echo 0; fi; }
# init_in_token LABEL [OPTIONS…]
init_in_token() {
    local label=$1
    shift
    init_data --keystore pkcs11 --pkcs11-module "$MODULE" --pkcs11-token "$label" --pkcs11-pin-file "$WORK/pin" "$@"
}
