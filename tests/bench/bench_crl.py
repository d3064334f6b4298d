"""The benchmark of a long CRL: a hundred thousand entries signed again after one more revocation, while others are answered."""
import hashlib
import os
import sqlite3
import statistics
import time
import urllib.request

from bench_lists import Watcher

DAY_MS = 86400000


def fill(server, count):
    """Revoked certificates of devices that nobody knows any more: rows as the server writes them, but without a device and a DER."""
    now = int(time.time() * 1000)
    with sqlite3.connect(os.path.join(server.dir, 'inventory.db'), timeout=60) as db:
        tenant = db.execute('SELECT id FROM tenant').fetchone()[0]
        rows = []
        for i in range(count):
            hash_ = hashlib.sha256(b'revoked%d' % i).digest()
            serial = bytes([1 + hash_[0] % 127]) + hash_[1:16]
            rows.append((serial, 'device', tenant, hash_, 1, 3, hash_, now, now + 90 * DAY_MS, now, now, 1, b'', 1, serial[15]))
        db.executemany('INSERT INTO certificate (serial, authority, tenant, device, generation, state, spki_sha256, not_before, not_after, issued_at, '
                       'revoked_at, revocation_reason, der, ver, crl_bucket) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)', rows)


def mark(server):
    """What a revocation does to the list."""
    with sqlite3.connect(os.path.join(server.dir, 'inventory.db'), timeout=60) as db:
        db.execute("UPDATE crl SET is_stale = 1, ver = ver + 1 WHERE authority = 'device'")
        db.execute("INSERT INTO crl_change (authority, ver) VALUES ('device', 1) ON CONFLICT (authority) DO UPDATE SET ver = ver + 1")


def tag(server):
    with urllib.request.urlopen(urllib.request.Request(f'http://127.0.0.1:{server.public}/crl/device.crl', method='HEAD')) as answer:
        return answer.headers['ETag'], int(answer.headers['Content-Length'])


def renewed(server, before):
    for _ in range(600):
        now, size = tag(server)
        if now != before:
            return size
        time.sleep(0.05)
    raise RuntimeError('the CRL was not signed again')


def waits(watcher):
    found = sorted(watcher.latencies)
    return f'p50 {statistics.median(found) * 1000:.1f} ms, p99 {found[int(len(found) * 0.99)] * 1000:.1f} ms, longest {found[-1] * 1000:.1f} ms'


def watched(server, rss_kb, action):
    watcher = Watcher(server, '/api/v1/products', rss_kb)
    watcher.start()
    answer = action()
    watcher.stopped.set()
    watcher.join()
    if watcher.failed:
        raise RuntimeError(f'{watcher.failed} other requests failed')
    return answer, watcher


def bench_crl(server, count, cpu_us, rss_kb):
    """@return CPU microseconds of the server from a revocation to the new list, and notes. The list is signed about a second after; what the
    server does in as long a quiet time is taken off."""
    fill(server, count)
    before, _ = tag(server)
    mark(server)
    size = renewed(server, before)
    spent, quiet = [], None
    _, quiet = watched(server, rss_kb, lambda: time.sleep(3))

    def rounds():
        for _ in range(3):
            time.sleep(2)  # a list that took long rests
            idle_start = cpu_us(server.pids)
            time.sleep(1)
            idle = cpu_us(server.pids) - idle_start
            known, _ = tag(server)
            start_cpu, start = cpu_us(server.pids), time.monotonic()
            mark(server)
            renewed(server, known)
            spent.append(cpu_us(server.pids) - start_cpu - idle * (time.monotonic() - start))

    _, busy = watched(server, rss_kb, rounds)
    cpu = statistics.median(spent)
    return cpu, [f'CRL of {count} entries ({size / 1e6:.1f} MB): {cpu / 1e6:.2f} CPU-seconds from the revocation to the list '
                 f'(under 1: {"yes" if cpu < 1e6 else "NO"})',
                 f'    other requests meanwhile: {waits(busy)}; in quiet: {waits(quiet)}']
