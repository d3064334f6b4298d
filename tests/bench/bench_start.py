"""How long a start takes, from exec to the ready line and to /readyz, with a million devices that hold certificates, and with none."""
import contextlib
import hashlib
import json
import os
import sqlite3
import statistics
import subprocess
import time
import urllib.request

DAY_MS = 86400000
BOUND_S = 1.0
TURNS = 7
EVERYBODY = b'\xff' * 16  # the owner of the installation's counts
SETTINGS = '''PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1500000; PRAGMA temp_store = MEMORY'''


def identities(count):
    """Ids, serials and key hashes that nobody has; in the order of the ids, as the tables keep them."""
    for digest in sorted(hashlib.sha256(b'start%d' % i).digest() for i in range(count)):
        key = hashlib.sha256(digest).digest()
        yield digest, bytes([1 + key[0] % 127]) + key[1:16], key


def fill(folder, count, revoked):
    """Devices as an enrolment leaves them, in one transaction; with the server stopped. All have the DER of one certificate, which nothing reads before
    somebody asks for it. The last batch, of `revoked` devices, is there to be revoked by the server itself."""
    now = int(time.time() * 1000)
    with contextlib.closing(sqlite3.connect(os.path.join(folder, 'inventory.db'), timeout=60, isolation_level=None)) as db:
        for pragma in SETTINGS.split(';'):
            db.execute(pragma)
        tenant, product = db.execute('SELECT tenant, id FROM product').fetchone()
        der = db.execute('SELECT certificate FROM authority WHERE role = ? LIMIT 1', ('device',)).fetchone()[0]
        batches = [hashlib.sha256(name).digest()[:16] for name in (b'stays', b'goes')]
        sizes = [count - revoked, revoked]
        db.execute('BEGIN IMMEDIATE')
        db.executemany('INSERT INTO batch (id, tenant, product, name, device_count, created_at, updated_at, ver) VALUES (?,?,?,?,?,?,?,1)',
                       [(b, tenant, product, name, n, now, now) for b, name, n in zip(batches, ('stays', 'goes'), sizes)])
        people = list(identities(count))
        each = max(1, count // revoked)

        def batch_of(i):
            return batches[i % each == 0 and i // each < revoked]
        db.executemany('INSERT INTO device (id, tenant, batch, product, state, claim, reenrol_allowed, generation, spki, serial, model, attributes, registered_at, '
                       "enrolled_at, updated_at, ver) VALUES (?,?,?,?,1,2,0,1,?,?,'meter','{}',?,?,?,2)",
                       ((d, tenant, batch_of(i), product, d + d + d[:27], f'SN-{i:08d}', now, now, now) for i, (d, _, _) in enumerate(people)))
        db.executemany('INSERT INTO device_key (spki_sha256, device, generation, first_seen_at) VALUES (?,?,1,?)', ((k, d, now) for d, _, k in people))
        db.executemany('INSERT INTO device_contact (device, tenant, seen_at, contact_days) VALUES (?,?,?,0)', ((d, tenant, now) for d, _, _ in people))
        db.executemany('INSERT INTO device_term (device, tenant, renew_at, expires_at, term, next_at) VALUES (?,?,?,?,0,?)',
                       ((d, tenant, now + 200 * DAY_MS, now + 365 * DAY_MS, now + 200 * DAY_MS + i) for i, (d, _, _) in enumerate(people)))
        db.executemany('INSERT INTO certificate (serial, authority, tenant, device, generation, state, spki_sha256, not_before, not_after, issued_at, confirmed_at, '
                       "first_used_at, der, ver, crl_bucket, profile, profile_version) VALUES (?,'device',?,?,1,1,?,?,?,?,?,?,?,2,?,'ldevid',1)",
                       ((s, tenant, d, k, now, now + 365 * DAY_MS, now, now, now, der, s[15]) for d, s, k in people))
        for owner, n in [(EVERYBODY, count), (product, count), *zip(batches, sizes)]:
            db.execute('INSERT OR REPLACE INTO device_count (owner, state, n) VALUES (?, 1, ?)', (owner, n))
            db.execute('INSERT OR REPLACE INTO device_term_count (owner, term, n) VALUES (?, 0, ?)', (owner, n))
        db.execute("INSERT OR REPLACE INTO certificate_count (authority, state, n) VALUES ('device', 1, ?)", (count,))
        db.execute("INSERT OR REPLACE INTO certificate_end_count (day, authority, n) VALUES (?, 'device', ?)", ((now + 365 * DAY_MS) // DAY_MS, count))
        db.execute('COMMIT')
        return [sum(1 for i in range(count) if batch_of(i) == b) for b in batches] == sizes


def read_bytes(pid):
    """By read and pread, from wherever: what a start looks at, whatever the machine does beside it."""
    with open(f'/proc/{pid}/io', encoding='ascii') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('rchar'))


class Place:
    """A data directory whose server is started again and again."""

    def __init__(self, whorld, work, name, port):
        self.whorld, self.dir, self.port = whorld, os.path.join(work, name), port
        subprocess.run([whorld, 'init', '--dir', self.dir, '--host', 'localhost', '--host', '127.0.0.1', '--crl-shards', '16', '--public-url',
                        f'http://127.0.0.1:{port}'], check=True, stdout=subprocess.DEVNULL)
        self.process, self.is_marked = None, False
        self.log = open(f'{self.dir}.log', 'w', encoding='utf-8')

    def start(self):
        """@return seconds from exec to the ready line, and to /readyz that says 200; bytes that it has read until then"""
        env = dict(os.environ, WHORL_DEVICE_LISTEN='127.0.0.1:0', WHORL_MANAGEMENT_LISTEN='127.0.0.1:0', WHORL_PUBLIC_LISTEN=f'127.0.0.1:{self.port}')
        begin = time.monotonic()
        self.process = subprocess.Popen([self.whorld, 'serve', '--dir', self.dir], stdout=subprocess.PIPE, stderr=self.log, env=env, text=True)
        line = self.process.stdout.readline()
        told = time.monotonic() - begin
        self.ready = json.loads(line)
        while True:
            try:
                with urllib.request.urlopen(f'http://127.0.0.1:{self.port}/readyz') as answer:
                    if answer.status == 200:
                        return told, time.monotonic() - begin, read_bytes(self.process.pid)
            except OSError as error:
                if time.monotonic() - begin > 60:
                    raise RuntimeError('not ready within a minute') from error
                time.sleep(0.002)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def forget(self):
        """The kernel's copies of its files, and of nobody else's: what comes next is read from the disk."""
        for folder, _, names in os.walk(self.dir):
            for name in names:
                fd = os.open(os.path.join(folder, name), os.O_RDONLY)
                os.fsync(fd)
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(fd)

    def api(self, method, path, body=None):
        token = open(f'{self.dir}/admin.token', encoding='ascii').read().strip()
        out = subprocess.run(['curl', '-sS', '--fail-with-body', '--cacert', f'{self.dir}/ca.pem', '-H', f'Authorization: Bearer {token}', '-X', method,
                              *(['-H', 'Content-Type: application/json', '-d', json.dumps(body)] if body is not None else []),
                              f'https://{self.ready["management"]}{path}'], capture_output=True, text=True, check=False)
        if out.returncode != 0:
            raise RuntimeError(f'{method} {path}: {out.stdout}{out.stderr}')
        return json.loads(out.stdout)

    def revoke(self, name):
        """A whole batch, by the server: rows, audit, journal and the lists that tell it. @return how many"""
        batch = next(b for b in self.api('GET', '/api/v1/batches?limit=10')['batches'] if b['name'] == name)
        order = self.api('POST', f'/api/v1/batches/{batch["id"]}/revoke', {'reason': 'cessationOfOperation', 'note': 'benchmark'})
        for _ in range(6000):
            state = self.api('GET', f'/api/v1/operations/{order["id"]}')
            if state['state'] != 'running':
                return state
            time.sleep(0.1)
        raise RuntimeError('the batch was not revoked within ten minutes')


def mark(place):
    """As if the process had been killed within the second after a revocation: every list is to be signed again."""
    subprocess.run(['sqlite3', f'{place.dir}/inventory.db', 'UPDATE crl SET is_stale = 1, ver = ver + 1'], check=True)


def measure(place, is_cold):
    got = []
    for _ in range(TURNS):
        if place.is_marked:
            mark(place)
        if is_cold:
            place.forget()
        got.append(place.start())
        place.stop()
    return [statistics.median(x) for x in zip(*got)], max(y for _, y, _ in got)


def bench_start(whorld, work, count, revoked, free_port):
    """@return lines for the report, and whether the bound is met"""
    empty, full = Place(whorld, work, 'empty', free_port()), Place(whorld, work, 'full', free_port())
    begin = time.monotonic()
    if not fill(full.dir, count, revoked):
        raise RuntimeError('the batches are not as large as they say')
    filled = time.monotonic() - begin
    try:
        full.start()
        said = full.revoke('goes')
        time.sleep(3)  # the lists are signed a second after
        full.stop()
        verdict = subprocess.run([whorld, 'check', '--dir', full.dir], capture_output=True, text=True, check=False).stdout.strip().splitlines()[-1]
        lines = [f'{count:,} devices, each with a certificate, made in {filled:.0f} s; {said["devices"]["done"]:,} of them revoked by the server ({said["state"]}); '
                 f'inventory {os.stat(full.dir + "/inventory.db").st_size / 1e9:.1f} GB; whorld check: {verdict}']
        is_met = '0 problems' in verdict
        for what, place, is_cold, full.is_marked in (('no device', empty, False, False), (f'{count:,} devices', full, False, False),
                                                     (f'{count:,} devices, nothing of it in memory', full, True, False),
                                                     (f'{count:,} devices, every CRL to be signed', full, False, True)):
            (told, ready, looked), longest = measure(place, is_cold)
            is_met = is_met and longest < BOUND_S
            lines.append(f'start with {what}: ready line after {told * 1000:.0f} ms, /readyz after {ready * 1000:.0f} ms (longest of {TURNS}: {longest * 1000:.0f} ms, '
                         f'under {BOUND_S * 1000:.0f}: {"yes" if longest < BOUND_S else "NO"}); {looked / 1e6:.1f} MB read')
        return lines, is_met
    finally:
        empty.stop()
        full.stop()
