#!/usr/bin/env bash
# takes long
# The operator's command line against the real server: every group of commands, what it prints where, and its exit codes.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
need python3
WHORL=$PWD/$BUILD/whorl
export XDG_CONFIG_HOME=$WORK/config
unset WHORL_SERVER WHORL_TOKEN WHORL_CA WHORL_PROFILE NO_COLOR
init_data
openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$WORK/backend.key" -subj /CN=backend -days 9 \
    -out "$WORK/backend.pem" 2>/dev/null
printf 'outbound_allow = 127.0.0.0/8\nmanagement_client_ca = %s\n' "$WORK/backend.pem" >>"$DATA/whorl.conf"
start_server

# run ARGUMENTS…: the program without a terminal; output in $WORK/out and $WORK/err, its exit code in $CODE
run() { CODE=0; "$WHORL" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || CODE=$?; }
# ok WHAT ARGUMENTS…: it must succeed
ok() { local what=$1; shift; run "$@"; [ "$CODE" -eq 0 ] || die "$what: exit $CODE: $(cat "$WORK/err")"; say "ok  $what"; }
# fails WHAT CODE ARGUMENTS…
fails() { local what=$1 code=$2; shift 2; run "$@"; expect "$what" "$CODE" "$code"; }
out() { cat "$WORK/out"; }
err() { cat "$WORK/err"; }
# on_terminal ANSWERS ARGUMENTS…: the program on a terminal of its own, which is told ANSWERS (\n ends a line); all that it shows
cat >"$WORK/terminal.py" <<'PY'
import os, pty, select, sys, time
answers, argv = sys.argv[1].encode().decode("unicode_escape").encode(), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(argv[0], argv)
shown, end, lines = b"", time.time() + 20, answers.splitlines(True)
while time.time() < end:
    if select.select([fd], [], [], 0.1)[0]:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    if lines and shown.rstrip(b" ").endswith((b":", b")", b"\x1b[K")) and shown.endswith(b" "):
        os.write(fd, lines.pop(0))
        shown += b"\n"
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
PY
on_terminal() { local answers=$1; shift; CODE=0; TERM=xterm timeout 30 python3 "$WORK/terminal.py" "$answers" "$WHORL" "$@" >"$WORK/out" 2>"$WORK/err" || CODE=$?; }

say "--- the command line itself"
ok "help" help
expect_in "names every group" "$(out)" "whorl certificate …"
ok "help of a group" device --help
ok "help of a command" help device revoke
expect_in "its usage" "$(out)" "usage: whorl device revoke ID"
fails "no command" 2
fails "an unknown command" 2 device paint
expect_in "is named" "$(err)" "device paint"
fails "a group alone" 2 device
fails "an unknown option" 2 device list --colour red
fails "an argument is missing" 2 device show
fails "one too many" 2 device show a b
fails "a token as an option" 2 whoami --token whorl_x
expect_in "and why not" "$(err)" "seen by everybody"
fails "no server" 2 device list
fails "an unknown server" 1 device list --server localhost:1 --ca "$CA" --token-file "$DATA/admin.token"
expect_in "says so" "$(err)" "no answer from https://localhost:1"
fails "a server without HTTPS" 2 device list --server http://localhost:1
[ -z "$(out)" ] || die "an error wrote to standard output"

say "--- login"
fails "a server that was never met, nobody to ask" 2 login --server "$MANAGEMENT" --token-file "$DATA/admin.token"
PRINT=$(openssl x509 -in "$CA" -noout -fingerprint -sha256 | cut -d= -f2)
fails "another fingerprint" 1 login --server "$MANAGEMENT" --token-file "$DATA/admin.token" --fingerprint "00$PRINT"
[ ! -e "$XDG_CONFIG_HOME/whorl/config.json" ] || die "a refused login kept something"
ok "by fingerprint" login --server "$MANAGEMENT" --token-file "$DATA/admin.token" --fingerprint "$PRINT"
expect "the file's mode" "$(stat -c %a "$XDG_CONFIG_HOME/whorl/config.json")" 600
expect "the folder's mode" "$(stat -c %a "$XDG_CONFIG_HOME/whorl")" 700
ok "who am I" whoami
expect_in "a table" "$(out)" "scopes"
ok "who am I, for programs" whoami --json
expect "one object" "$(jq -r 'has("scopes")' "$WORK/out" | wc -l)" 1
chmod 644 "$XDG_CONFIG_HOME/whorl/config.json"
fails "a config that others may read" 1 whoami
chmod 600 "$XDG_CONFIG_HOME/whorl/config.json"
printf 'whorl_nonsense\n' >"$WORK/bad.token"
fails "a wrong token" 1 whoami --token-file "$WORK/bad.token"
expect_in "what to do" "$(err)" "whorl login"
fails "no login with it" 1 login --profile bad --server "$MANAGEMENT" --ca "$CA" --token-file "$WORK/bad.token"
ok "the profiles" profile list --json
expect "one only" "$(jq -r .name "$WORK/out")" default
openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$WORK/x.key" -subj /CN=x -out "$WORK/x.pem" 2>/dev/null
fails "another trust anchor" 1 whoami --ca "$WORK/x.pem"
expect_in "is not trusted" "$(err)" "not trusted"
on_terminal "$TOKEN\n" login --profile typed --server "$MANAGEMENT" --ca "$CA"
expect "a token that is typed" "$CODE" 0
case $(out) in *"$TOKEN"*) die "the token was shown" ;; esac
on_terminal "no\n" login --profile met --server "$MANAGEMENT"
expect "a person who does not know the fingerprint" "$CODE" 1
expect_in "was shown it" "$(out)" "$PRINT"
on_terminal "yes\n$TOKEN\n" login --profile met --server "$MANAGEMENT"
expect "a person who does" "$CODE" 0
ok "another profile" whoami --profile met
fails "the credential of a profile goes to its own server only" 2 whoami --profile met --server localhost:1 --ca "$CA"
ok "logout" logout --profile met
fails "and out" 2 whoami --profile met
ok "chosen" profile use typed
ok "forgotten" profile remove met
ok "the first again" profile use default
fails "no such profile" 1 profile use none
WHORL_TOKEN=$TOKEN WHORL_SERVER=$MANAGEMENT WHORL_CA=$CA XDG_CONFIG_HOME=$WORK/empty run whoami
expect "by the environment" "$CODE" 0

say "--- hubs and products"
ok "no hub" hub list
expect "nothing on standard output" "$(out)" ""
expect "a note on the other" "$(err)" "no hubs"
ok "a hub" hub create broker --host mqtt.example.com --trust-anchors "$CA"
expect_in "its trust anchors are whole" "$(out)" "-----END CERTIFICATE-----"
ok "a product" product create sensor --hub broker --key-algorithm P-256,P-384 --certificate-ttl 90d --recovery expired --allow-rsa-2048 true
ok "by its name" product show sensor --json
expect "what was asked" "$(jq -c '[.hub, .certificate_ttl_s, .key_algorithms, .allow_rsa_2048]' "$WORK/out")" '["broker",7776000,["P-256","P-384"],true]'
ok "a change" product edit sensor --renew-percent 40 --hub ''
ok "done" product show sensor --json
expect "it is" "$(jq -c '[.renew_percent, .hub]' "$WORK/out")" '[40,null]'
fails "no change" 2 product edit sensor
fails "a wrong value" 1 product edit sensor --renew-percent 400
expect_in "its pointer" "$(err)" "/renew_percent: "
expect_in "and the request" "$(err)" "request "
fails "no number" 2 product edit sensor --renew-percent many
fails "no such name" 1 product show nothing
fails "a name twice" 1 product create sensor
ok "the list" product list
expect "a head and two" "$(wc -l <"$WORK/out")" 3
ok "a hub's host" hub edit broker --host mqtt2.example.com --port 8884
ok "shown" hub show broker
expect_in "its URL" "$(out)" "mqtts://mqtt2.example.com:8884"

say "--- batches and devices"
python3 - >"$WORK/ids.csv" <<'PY'
import hashlib
print("id,serial")
for n in range(250):
    print(hashlib.sha256(b"whorl%d" % n).hexdigest() + ",S%04d" % n)
PY
ID=$(sed -n 2p "$WORK/ids.csv" | cut -d, -f1)
SECOND=$(sed -n 3p "$WORK/ids.csv" | cut -d, -f1)
ok "a dry run" batch import "$WORK/ids.csv" --product sensor --name lot1 --dry-run
expect_in "says what would be" "$(err)" "250 would be registered, 0 refused"
ok "an import" batch import "$WORK/ids.csv" --product sensor --name lot1
expect_in "what was" "$(err)" "250 registered"
fails "again" 1 batch import "$WORK/ids.csv" --product sensor --name lot2
expect "a table of every refused line" "$(wc -l <"$WORK/out")" 251
{ cat "$WORK/ids.csv"; printf '%064d,S9\nnonsense,S10\n' 7; } >"$WORK/more.csv"
CODE=0
"$WHORL" batch import - --format csv --mode lines --name lot3 --json <"$WORK/more.csv" >"$WORK/out" 2>"$WORK/err" || CODE=$?
expect "by line, through a pipe: a line was refused" "$CODE" 1
expect "the report" "$(jq -c '[.accepted, .refused]' "$WORK/out")" '[1,251]'
fails "a file that is not there" 1 batch import "$WORK/none.csv"
fails "a format that nobody said" 2 batch import "$DATA/ca.pem"
ok "a batch by hand" batch create "$(printf '%064d' 8)" "$(printf '%064d' 9)" --name hand --product sensor
ok "another name" batch rename hand bench
ok "shown by it" batch show bench
expect_in "its devices" "$(out)" "device_count"
ok "batches" batch list
expect_in "the list" "$(out)" "lot1"
ok "devices" device list
expect "a page of them" "$(wc -l <"$WORK/out")" 101
expect_in "there are more" "$(err)" "--all"
ok "all of them" device list --all --json
expect "as lines" "$(jq -r .id "$WORK/out" | sort -u | wc -l)" 253
ok "so many" device list --limit 7 --json
expect "exactly" "$(wc -l <"$WORK/out")" 7
fails "a wrong limit" 2 device list --limit 0
ok "of a product and a batch, by name" device list --batch lot1 --all --json
expect "those" "$(wc -l <"$WORK/out")" 250
fails "the server's rules" 1 device list --serial S0001 --state enrolled
ok "one by its serial number" device list --serial S0000 --json
expect "that one" "$(jq -r .id "$WORK/out")" "$ID"
ok "labels" device edit "$ID" --label line=7 --label site=Lübeck --attribute colour=grün --note 'two\nlines'
ok "shown" device show "$ID"
expect_in "a label" "$(out)" "Lübeck"
ok "taken away" device edit "$ID" --remove-label line --note ''
ok "shown again" device show "$ID" --json
expect "what is left" "$(jq -c '[.labels, .note]' "$WORK/out")" '[{"site":"Lübeck"},null]'
ok "by label" device list --label site=Lübeck --json
expect "it" "$(wc -l <"$WORK/out")" 1

say "--- certificates"
new_identity unit
new_key op
UNIT=$ID
register "$UNIT"
est unit simpleenroll "$(csr op)"
expect_status "enrolled" 200
ok "certificates" certificate list --device "$UNIT" --json
SERIAL=$(jq -r .serial "$WORK/out")
ok "one" certificate show "$SERIAL"
expect_in "its PEM" "$(out)" "-----BEGIN CERTIFICATE-----"
ok "the device" device show "$UNIT"
expect_in "has it in a table" "$(out)" "$SERIAL"

say "--- orders"
ok "quarantine" device quarantine "$UNIT" --reason "on the bench" --note "ticket 7"
ok "release" device release "$UNIT"
fails "release again" 1 device release "$UNIT"
expect_in "the state" "$(err)" "(409)"
ok "rekey" device rekey "$UNIT"
fails "revoke, nobody to ask" 2 device revoke "$UNIT" --reason keyCompromise
expect_in "says how" "$(err)" "--yes"
on_terminal "12345678\n" device revoke "$UNIT" --reason keyCompromise
expect "another id is typed" "$CODE" 1
on_terminal "\n" device revoke "$UNIT" --reason keyCompromise
expect "nothing is typed" "$CODE" 1
ok "look" device show "$UNIT" --json
expect "nothing was done" "$(jq -r .state "$WORK/out")" enrolled
on_terminal "${UNIT:0:8}\n" device revoke "$UNIT" --reason keyCompromise
expect "the right one" "$CODE" 0
ok "look" device show "$UNIT" --json
expect "it is" "$(jq -r .state "$WORK/out")" revoked
ok "allow-reenrol" device allow-reenrol "$UNIT"
ok "retire" device retire "$UNIT" --yes
ok "compromised" device compromised "$SECOND" --yes
ok "history" device history "$UNIT"
expect_in "its orders" "$(out)" "retire"
est unit simpleenroll "$(csr op)"
ok "why" device why "$UNIT"
expect_in "what stands in the way" "$(out)" "obstacle.remedy"
expect_in "and what was refused" "$(out)" "WHAT WOULD CHANGE IT"
fails "no such device" 1 device show "$(printf '%064d' 1)"
fails "no id" 1 device show ../tokens
fails "no path" 2 device show ..

say "--- the end of a certificate"
new_identity other
new_key op2
register "$ID"
est other simpleenroll "$(csr op2)"
ok "it" certificate list --device "$ID" --json
SERIAL=$(jq -r .serial "$WORK/out")
fails "revoked without a reason" 2 certificate revoke "$SERIAL" --yes
ok "revoked" certificate revoke "$SERIAL" --reason superseded --yes
ok "the list" certificate list --state revoked --json
expect_in "has it" "$(out)" "$SERIAL"

say "--- authorities"
ok "authorities" authority list
expect "three" "$(wc -l <"$WORK/out")" 4
ok "one" authority show root
ok "a chain" authority chain device
openssl verify -CAfile "$CA" "$WORK/out" >/dev/null || die "the chain does not verify"
ok "as DER" authority chain root --form der
expect "the root" "$(openssl x509 -inform DER -in "$WORK/out" -outform PEM)" "$(openssl x509 -in "$CA")"

say "--- tokens and tenants"
ok "a token" token create line --scope devices:read,products:read --scope audit:read --expires 2h --source 127.0.0.0/8 --json
expect "its scopes" "$(jq -c '.scopes | sort' "$WORK/out")" '["audit:read","devices:read","products:read"]'
expect "is kept by nobody else" "$(err)" "the secret is shown this once: keep it now"
LINE=$(jq -r .id "$WORK/out")
jq -r .token "$WORK/out" >"$WORK/line.token"
ok "it works" device list --limit 1 --token-file "$WORK/line.token"
fails "within its scopes" 1 token list --token-file "$WORK/line.token"
expect_in "which is missing" "$(err)" "tokens:read"
ok "rotated" token rotate "$LINE" --json
ok "the old secret dropped" token drop-old-secret "$LINE"
fails "it works no more" 1 whoami --token-file "$WORK/line.token"
ok "renamed" token edit "$LINE" --name line-7 --source ''
ok "shown" token show "$LINE" --json
expect "from everywhere" "$(jq -c '[.name, .allowed_sources]' "$WORK/out")" '["line-7",[]]'
ok "revoked" token revoke "$LINE" --yes
ok "tokens" token list
expect_in "no secret in a list" "$(out)" "$LINE"
ok "a tenant" tenant create acme
ok "its first token" token create first --scope admin --tenant acme --json
jq -r .token "$WORK/out" >"$WORK/acme.token"
ok "kept" login --profile acme --server "$MANAGEMENT" --ca "$CA" --token-file "$WORK/acme.token"
ok "a house of its own" device list --profile acme
expect "an empty one" "$(out)" ""
fails "walls" 1 product show sensor --profile acme
ok "tenants" tenant list
ok "one" tenant show acme
ok "another display name" tenant edit acme --display-name 'Acme GmbH'

say "--- enrolment codes"
ok "a product that takes them" product create coded --admission token
ok "one" code create bench --product coded --not-after 12h --serial S77 --json
expect "is shown once" "$(jq -r '.code | length > 8' "$WORK/out") $(err)" "true the secret is shown this once: keep it now"
CODE_ID=$(jq -r .id "$WORK/out")
ok "three alike" code create reel --product coded --count 3
expect "a table of them" "$(grep -c reel "$WORK/out")" 3
ok "the list" code list --product coded
expect "holds no code" "$(grep -c bench "$WORK/out")" 1
ok "one of them" code show "$CODE_ID"
fails "revoked, nobody to ask" 2 code revoke "$CODE_ID"
ok "revoked" code revoke "$CODE_ID" --yes
expect_in "it is" "$(out)" "revoked"

say "--- codes for CMP"
CODED=$(printf %064d 77)
ok "a device of that product" batch create "$CODED" --product coded
ok "its code" cmp-code create "$CODED" --not-after 12h --json
expect "is shown once" "$(jq -r '.code | length' "$WORK/out") $(err)" "57 the secret is shown this once: keep it now"
ok "how it stands" cmp-code show "$CODED"
expect_in "without its secret" "$(out)" "active"
fails "one at a time" 1 cmp-code create "$CODED"
ok "revoked" cmp-code revoke "$CODED" --yes
ok "it is" cmp-code show "$CODED" --json
expect "revoked" "$(jq -r .state "$WORK/out")" revoked

say "--- pinned CAs of chip makers"
ok "a product for them" product create chips --admission vendor_ca
openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$WORK/maker.key" -subj "/O=Maker/CN=Maker CA" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -days 99 -out "$WORK/maker.pem" 2>/dev/null
ok "one" vendor-ca create maker --product chips --certificate "$WORK/maker.pem"
expect_in "shown" "$(out)" "CN=Maker CA"
ok "the list" vendor-ca list
ok "by its name" vendor-ca show maker --json
ok "renamed" vendor-ca edit maker --name maker-1
fails "retired, nobody to ask" 2 vendor-ca retire maker-1
ok "retired" vendor-ca retire maker-1 --yes
fails "no certificate" 1 vendor-ca create other --product chips --certificate "$WORK/bad.token"

say "--- dual control"
ok "a batch of devices is counted" product revoke default --reason cessationOfOperation --dry-run
ok "what waits" dual-control show
ok "marking a device as compromised does from now on" dual-control edit --kind device.compromised --approval-ttl 1h
VICTIM=$(sed -n 5p "$WORK/ids.csv" | cut -d, -f1)
ok "one is marked" device compromised "$VICTIM" --yes
expect_in "and waits" "$(err)" "a second person must agree (whorl approval approve "
ok "look" device show "$VICTIM" --json
expect "nothing is done" "$(jq -r .state "$WORK/out")" registered
ok "the list" approval list --state pending --json
APPROVAL=$(jq -r .id "$WORK/out")
ok "one" approval show "$APPROVAL"
fails "one cannot agree with oneself" 1 approval approve "$APPROVAL" --yes
ok "a token" token create second --scope approvals:decide,certificates:revoke --json
jq -r .token "$WORK/out" >"$WORK/second.token"
fails "nor with a token that one made oneself" 1 approval approve "$APPROVAL" --yes --token-file "$WORK/second.token"
"$WHORLD" token add --dir "$DATA" --name somebody --scope approvals:decide,certificates:revoke >"$WORK/second.token" 2>/dev/null
ok "somebody else agrees" approval approve "$APPROVAL" --yes --comment 'seen it' --token-file "$WORK/second.token"
ok "look again" device show "$VICTIM" --json
expect "it is done" "$(jq -r .state "$WORK/out")" compromised
ok "what becomes of it" approval show "$APPROVAL"
ok "in a product" dual-control show-product sensor
ok "operations" operation list
ok "devices to another owner" transfer offer acme --expires 1d --device "$(sed -n 6p "$WORK/ids.csv" | cut -d, -f1)" --note 'sold' --json
TRANSFER=$(jq -r .id "$WORK/out")
ok "they see it" transfer list --direction incoming --profile acme
expect_in "the offer" "$(out)" "sold"
ok "they take it" transfer accept "$TRANSFER" --batch bought --profile acme
ok "what becomes of it" transfer show "$TRANSFER"
ok "another" transfer offer acme --expires 1d --device "$(sed -n 7p "$WORK/ids.csv" | cut -d, -f1)" --json
ok "taken back" transfer withdraw "$(jq -r .id "$WORK/out")"
say "--- people"
cat >"$WORK/accept.py" <<'PY'
# Takes up an invitation as a person would, with an authenticator of its own. Prints the secret and the recovery codes.
import base64, hashlib, hmac, json, re, subprocess, sys, time
def totp(secret, at):
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, int(at // 30).to_bytes(8, "big"), hashlib.sha1).digest()
    place = digest[-1] & 15
    return "%06d" % ((int.from_bytes(digest[place:place + 4], "big") & 0x7fffffff) % 1000000)
if sys.argv[1] == "code":
    print(totp(sys.argv[2], time.time() + float(sys.argv[3])))
    sys.exit()
invitation, password, *argv = sys.argv[1:]
person = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
person.stdin.write(f"{invitation}\n{password}\n{password}\n")
person.stdin.flush()
secret = json.loads(person.stdout.readline())["totp_secret"]
person.stdin.write(totp(secret, time.time()) + "\n")
person.stdin.flush()
codes = json.loads(person.stdout.readline())["recovery_codes"]
print(secret, codes[0])
sys.exit(person.wait())
PY
PASSWORD='mint-gravel-otter-7'
ok "a person is invited" user invite ada --role operator --display-name 'Ada Lovelace' --json
expect "the invitation is shown once" "$(err)" "the secret is shown this once: keep it now"
python3 "$WORK/accept.py" "$(jq -r .invitation "$WORK/out")" "$PASSWORD" "$WHORL" accept-invitation --json --profile ada --server "$MANAGEMENT" \
    --ca "$CA" >"$WORK/person" 2>"$WORK/err" || die "the invitation was not taken up: $(err)"
read -r SECRET RECOVERY <"$WORK/person"
say "ok  and taken up"
on_terminal "wrong-password-7\n$RECOVERY\n" login --user ada --profile ada --server "$MANAGEMENT" --ca "$CA"
expect "a wrong password" "$CODE" 1
on_terminal "$PASSWORD\n$(python3 "$WORK/accept.py" code "$SECRET" 30)\n" login --user ada --profile ada --server "$MANAGEMENT" --ca "$CA"
expect "password and code" "$CODE" 0
case $(out) in *"$PASSWORD"*) die "the password was shown" ;; esac
ok "who am I" whoami --profile ada --json
expect "a person" "$(jq -r '.kind, .name' "$WORK/out" | tr '\n' ' ')" "user ada "
ok "a session is kept" profile list
expect_in "as what it is" "$(out)" "session"
fails "within the role" 1 token create x --scope admin --profile ada
ok "the sessions" session list --profile ada
on_terminal "$PASSWORD\nslate-comet-barley-2\nslate-comet-barley-3\n" password --profile ada
expect "a new password that is written otherwise the second time" "$CODE" 1
case $(out) in *slate-comet*) die "the new password was shown" ;; esac
expect_in "and why" "$(out)" "those are two passwords"
ok "logout" logout --profile ada
printf '%s\n%s\n' "$PASSWORD" "$RECOVERY" >"$WORK/typed"
CODE=0
"$WHORL" login --user ada --profile ada --server "$MANAGEMENT" --ca "$CA" <"$WORK/typed" >"$WORK/out" 2>"$WORK/err" || CODE=$?
expect "with a recovery code, through a pipe" "$CODE" 0
ok "people" user list
expect_in "in a table" "$(out)" "Ada Lovelace"
ok "other roles" user edit ada --role auditor
ok "a role" role create bench --scope devices:read,devices:write --description 'the bench'
ok "the roles" role list
ok "edited" role edit bench --scope devices:read
ok "shown" role show bench
ok "removed" role remove bench --yes
ok "disabled" user disable ada
fails "the session ended" 1 whoami --profile ada
ok "enabled" user enable ada
ok "shown by name" user show ada

say "--- webhooks"
ok "one" webhook create erp --url https://127.0.0.1:9/hook --type 'device.*' --json
expect "its secret is shown once" "$(jq -r '.secret[0:6]' "$WORK/out") $(err)" "whsec_ the secret is shown this once: keep it now"
ok "the list" webhook list
expect "holds no secret" "$(grep -c whsec_ "$WORK/out" || true)" 0
ok "by its name" webhook show erp
ok "off" webhook edit erp --enabled false
ok "what it was sent" webhook deliveries erp
ok "another secret" webhook rotate-secret erp
ok "the old one dropped" webhook drop-old-secret erp
fails "a wrong address" 1 webhook create bad --url http://127.0.0.1/
fails "removed, nobody to ask" 2 webhook remove erp
ok "removed" webhook remove erp --yes
expect "says so" "$(err)" "done"

say "--- events"
ok "a page" events --limit 5 --json
expect "of so many" "$(wc -l <"$WORK/out")" 5
ok "behind it" events --after "$(tail -n 1 "$WORK/out" | jq -r .id)" --limit 1 --json
expect "the next one" "$(jq -r .sequence "$WORK/out")" 6
ok "all, over several pages" events --all --json
expect "each once, in order" "$(jq -r .sequence "$WORK/out")" "$(seq "$(wc -l <"$WORK/out")")"
ok "of one kind" events --type 'device.revoked' --device "$UNIT"
expect "a table" "$(wc -l <"$WORK/out")" 2
ok "none" events --after latest
expect "says so" "$(err)" "no events"
fails "a forged place" 1 events --after nonsense
fails "follow has no end" 2 events --follow --all
fails "following a forged place" 1 events --follow --after nonsense
LAST=$("$WHORL" events --all --json 2>/dev/null | tail -n 1 | jq -r .id)
"$WHORL" events --follow --after "$LAST" --json >"$WORK/follow" 2>"$WORK/follow.err" &
FOLLOWER=$!
PIDS+=("$FOLLOWER")
wait_events() { for _ in $(seq 200); do [ "$(wc -l <"$WORK/follow")" -ge "$1" ] && return 0; sleep 0.05; done; die "followed $(wc -l <"$WORK/follow") events, wanted $1: $(cat "$WORK/follow.err")"; }
ok "something happens" product create seen
wait_events 1
expect "and is seen" "$(jq -r .type "$WORK/follow" | head -n 1)" product.added
PORT=${MANAGEMENT##*:}
stop_server
WHORL_MANAGEMENT_LISTEN=127.0.0.1:$PORT start_server
ok "something happens when the server is back" product create again
wait_events 2
expect "the stream goes on without a gap" "$(jq -r .data.name "$WORK/follow" | tr '\n' ' ')" "seen again "
kill "$FOLLOWER"
expect_in "it said that it tried again" "$(cat "$WORK/follow.err")" "trying again"

say "--- client certificates of back ends"
ok "one" client-certificate create erp --certificate "$WORK/backend.pem" --scope devices:read
ok "the list" client-certificate list
ok "it is a credential" login --profile backend --server "$MANAGEMENT" --ca "$CA" --cert "$WORK/backend.pem" --key "$WORK/backend.key"
ok "that is kept" device list --limit 1 --profile backend
fails "within its scopes" 1 token list --profile backend
ok "edited" client-certificate edit erp --name erp-2
ok "revoked" client-certificate revoke erp-2 --yes
fails "it works no more" 1 device list --profile backend
fails "a certificate without its key" 2 device list --cert "$WORK/backend.pem"

say "--- audit"
ok "the log" audit list --kind device_revoked --json
ok "the log" audit list --limit 5
expect "a table" "$(wc -l <"$WORK/out")" 6
ok "an export" audit export
expect "JSON Lines" "$(jq -s length "$WORK/out")" "$(wc -l <"$WORK/out")"
ok "to a file" audit export --output "$WORK/audit.jsonl" --since 2020-01-01T00:00:00Z
jq -e . "$WORK/audit.jsonl" >/dev/null || die "the export is no JSON"
expect "for its owner" "$(stat -c %a "$WORK/audit.jsonl")" 600
"$WHORLD" audit verify "$WORK/audit.jsonl" --ca "$CA" >"$WORK/verify" 2>&1 || die "$(cat "$WORK/verify")"
ok "a checkpoint" audit checkpoint
expect "its ends" "$(jq -r '.checkpoint.heads | length > 0' "$WORK/out")" true
ok "signed" audit checkpoint --form der
openssl cms -verify -inform DER -purpose any -CAfile "$CA" -in "$WORK/out" >/dev/null 2>&1 || die "the checkpoint does not verify"
fails "no such form" 2 audit checkpoint --form xml
fails "an export that is refused" 1 audit export --output "$WORK/refused.jsonl" --since yesterday
[ -z "$(find "$WORK" -maxdepth 1 -name 'refused*')" ] || die "a refused export left a file"

say "--- any call"
ok "GET" api GET '/api/v1/products?limit=1'
expect "the body as it is" "$(jq '.products | length' "$WORK/out")" 1
printf '{"name":"raw"}' >"$WORK/raw.json"
ok "POST" api POST /api/v1/products --data "$WORK/raw.json" --idempotency-key k1
ok "the same again" api POST /api/v1/products --data "$WORK/raw.json" --idempotency-key k1
fails "a change without a version" 1 api PATCH "/api/v1/products/$(jq -r .id "$WORK/out")" --data "$WORK/raw.json"
expect_in "428" "$(err)" "(428)"
fails "no path" 2 api GET products

say "--- pipes and terminals"
set +o pipefail
CODE=0
FIRST=$("$WHORL" device list --all 2>"$WORK/err" | head -n 1)
set -o pipefail
expect_in "the first line of many" "$FIRST" "STATE"
expect "and no complaint" "$(err)" ""
"$WHORL" device list --all 2>"$WORK/err" | : || die "a reader that left is no failure: $(cat "$WORK/err")"
say "ok  a reader that left is no failure"
CODE=0
"$WHORL" device list >/dev/full 2>"$WORK/err" || CODE=$?
expect "a full disk is one" "$CODE" 1
on_terminal '' device list --limit 3
case $(out) in *$'\033[1mID'*) say "ok  colour on a terminal" ;; *) die "no colour on a terminal" ;; esac
NO_COLOR=1 on_terminal '' device list --limit 3
case $(out) in *$'\033['*) die "colour although NO_COLOR is set" ;; *) say "ok  none with NO_COLOR" ;; esac

say "--- a connection that breaks"
cat >"$WORK/cutter.py" <<'PY'
# Forwards TLS; the first connection is cut when the client's request is through and before its answer.
import socket, sys, threading, time
server, first = ("127.0.0.1", int(sys.argv[1])), [True]
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
def handle(client):
    cut, first[0] = first[0], False
    upstream = socket.create_connection(server)
    state = {"cut": False}
    def back():
        while (data := upstream.recv(65536)):
            if state["cut"]:
                continue
            client.sendall(data)
        if not state["cut"]:
            client.close()
    threading.Thread(target=back, daemon=True).start()
    pending, records = b"", 0
    while (data := client.recv(65536)):
        pending += data
        while len(pending) >= 5 and len(pending) >= 5 + int.from_bytes(pending[3:5], "big"):
            size = 5 + int.from_bytes(pending[3:5], "big")
            records += pending[0] == 23
            state["cut"] = cut and records >= 2
            upstream.sendall(pending[:size])
            pending = pending[size:]
        if state["cut"]:
            time.sleep(0.5)
            client.shutdown(socket.SHUT_RDWR)
            client.close()
            return
while True:
    threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()
PY
python3 "$WORK/cutter.py" "${MANAGEMENT##*:}" >"$WORK/cutter.port" &
PIDS+=($!)
for _ in $(seq 100); do [ -s "$WORK/cutter.port" ] && break; sleep 0.05; done
ok "a product is made all the same" product create cut --server "localhost:$(cat "$WORK/cutter.port")" --ca "$CA" --token-file "$DATA/admin.token"
ok "look" product list --all --json
expect "once" "$(jq -r 'select(.name == "cut") | .name' "$WORK/out" | wc -l)" 1

say "--- two people change one thing"
ok "a product" api GET '/api/v1/products?limit=1'
fails "a change of what it was" 1 api PATCH "/api/v1/products/$(jq -r '.products[0].id' "$WORK/out")" --data "$WORK/raw.json" --if-match '"999"'
expect_in "is told plainly" "$(err)" "changed by somebody else meanwhile"
cat >"$WORK/racer.sh" <<'SH'
for i in $(seq 8); do "$1" product edit sensor --renew-percent "$2$i" >/dev/null 2>>"$3" || echo "$?" >>"$3.codes"; done
SH
bash "$WORK/racer.sh" "$WHORL" 3 "$WORK/race.a" &
RACER=$!
bash "$WORK/racer.sh" "$WHORL" 5 "$WORK/race.b"
wait "$RACER"
if grep -q . "$WORK"/race.?.codes 2>/dev/null; then
    grep -q "changed by somebody else meanwhile" "$WORK"/race.? || die "412 is not told plainly: $(cat "$WORK"/race.?)"
fi
say "ok  who came too late was told plainly"

say "--- Ctrl-C"
mkfifo "$WORK/slow"
exec 8<>"$WORK/slow"
head -n 20 "$WORK/ids.csv" >&8
setsid python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$WHORL" batch import "$WORK/slow" --format csv --name cut >"$WORK/out" 2>"$WORK/err" &
IMPORT=$!
sleep 1
kill -INT "$IMPORT"
CODE=0
wait "$IMPORT" || CODE=$?
exec 8>&-
expect "the program ends by the signal" "$CODE" 130
expect_in "and says what it means" "$(err)" "stopped"
fails "no such batch" 1 batch show cut

say "--- completion and manual page"
ok "bash" completion bash
cp "$WORK/out" "$WORK/whorl.bash"
bash -n "$WORK/whorl.bash" || die "the script for bash is none"
complete_words() { # WORDS…: what bash offers for the last one
    bash --norc -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _whorl; printf "%s\n" "${COMPREPLY[@]}"' bash "$WORK/whorl.bash" "$@" | tr '\n' ' '
}
expect "groups" "$(complete_words whorl cert)" "certificate certificate-profile "
expect "verbs" "$(complete_words whorl device re)" "release rekey revoke retire "
expect "behind an option of all commands" "$(complete_words whorl --profile x device hi)" "history "
expect "options" "$(complete_words whorl device list --st)" "--state "
expect "values" "$(complete_words whorl device list --state q)" "quarantined "
expect "arguments" "$(complete_words whorl completion z)" "zsh "
expect "options of every command" "$(complete_words whorl device list --js)" "--json "
ok "zsh" completion zsh
if command -v zsh >/dev/null; then
    cp "$WORK/out" "$WORK/_whorl"
    offered=$(zsh -f -c 'compadd() { shift; print -r -- "$@"; }; compdef() { :; }; _files() { print FILES; }; source "$1"; words=(whorl device list --state ""); CURRENT=5; _whorl' zsh "$WORK/_whorl")
    expect "values in zsh" "$offered" "registered enrolled quarantined revoked retired compromised"
    offered=$(zsh -f -c 'compadd() { shift; print -r -- "$@"; }; compdef() { :; }; _files() { print FILES; }; source "$1"; words=(whorl batch import ""); CURRENT=4; _whorl' zsh "$WORK/_whorl")
    expect_in "options in zsh" "$offered" "--dry-run"
fi
ok "the manual page" help --man
if command -v mandoc >/dev/null; then
    cp "$WORK/out" "$WORK/whorl.1" # mandoc reads the section from the name
    expect "is clean" "$(mandoc -Tlint -W warning "$WORK/whorl.1" 2>&1)" ""
fi
if command -v man >/dev/null; then
    cp "$WORK/out" "$WORK/whorl.1"
    expect_in "can be read" "$(LC_ALL=C man -l "$WORK/whorl.1" 2>/dev/null | cat)" "EXIT STATUS"
fi
make --no-print-directory install BUILD="$BUILD" DESTDIR="$WORK/root" PREFIX=/usr >"$WORK/install.out" 2>&1 || die "$(cat "$WORK/install.out")"
for file in bin/whorl bin/whorld bin/whorl-device share/man/man1/whorl.1 share/bash-completion/completions/whorl share/zsh/site-functions/_whorl; do
    [ -s "$WORK/root/usr/$file" ] || die "make install has no $file"
done
say "ok  make install"
stop_server
fails "a server that is gone" 1 device list
