"""The benchmarks of long lists: a million ids imported through the API in one request while others are answered, and late pages of a list."""
import hashlib
import http.client
import json
import os
import statistics
import subprocess
import threading
import time


def write_list(path, count, salt):
    """A hand-over of that many ids, as QuarkLink has it."""
    with open(path, 'w') as f:
        f.write('{"devices":[')
        for i in range(count):
            f.write(('' if i == 0 else ',') + '"' + hashlib.sha256(b'%s%d' % (salt, i)).hexdigest() + '"')
        f.write(']}')


class Watcher(threading.Thread):
    """Another caller: a GET every 20 ms over one kept connection, how long each took, and the server's memory meanwhile."""

    def __init__(self, server, path, rss):
        super().__init__()
        self.server, self.path, self.rss = server, path, rss
        self.latencies, self.peak, self.failed, self.stopped = [], 0, 0, threading.Event()

    def run(self):
        connection = http.client.HTTPSConnection(self.server.management, context=self.server.context)
        while not self.stopped.wait(0.02):
            start = time.monotonic()
            connection.request('GET', self.path, headers={'Authorization': f'Bearer {self.server.token}'})
            answer = connection.getresponse()
            answer.read()
            self.latencies.append(time.monotonic() - start)
            self.failed += answer.status != 200
            self.peak = max(self.peak, self.rss(self.server.process.pid))


def upload(server, path, query):
    out = subprocess.run(['curl', '-sS', '--cacert', server.ca, '-H', f'Authorization: Bearer {server.token}', '-H', 'Expect:', '-X', 'POST', '-T', path,
                          f'https://{server.management}/api/v1/batches/import?{query}'], capture_output=True, text=True, check=True)
    return json.loads(out.stdout)


def bench_import(server, work, count, cpu_us, rss_kb):
    """@return rows per CPU-second of the server, the other caller's CPU included, and two notes."""
    path = os.path.join(work, 'import.json')
    write_list(path, count, b'bench')
    before, start_rss, start = cpu_us(server.pids), rss_kb(server.process.pid), time.monotonic()
    watcher = Watcher(server, '/api/v1/products', rss_kb)
    watcher.start()
    answer = upload(server, path, 'name=bench&format=quarklink')
    watcher.stopped.set()
    watcher.join()
    seconds = time.monotonic() - start
    if answer['accepted'] != count or watcher.failed:
        raise RuntimeError(f'{str(answer)[:500]}, {watcher.failed} other requests failed')
    os.remove(path)
    spent = (cpu_us(server.pids) - before) / 1e6
    growth = (watcher.peak - start_rss) / 1024
    waits = sorted(watcher.latencies)
    p99 = waits[int(len(waits) * 0.99)] * 1000
    return spent / count * 1e6, [
        f'(e) import of {count} ids in one request: {count / spent:,.0f} rows per CPU-second (at least 50,000: {"yes" if count / spent >= 50000 else "NO"}), '
        f'{seconds:.1f} s, RSS +{growth:.0f} MB (under 64: {"yes" if growth < 64 else "NO"})',
        f'    other requests meanwhile: {len(waits)}, p50 {statistics.median(waits) * 1000:.1f} ms, p99 {p99:.1f} ms, longest {waits[-1] * 1000:.1f} ms']


def page_paths(server, limit, page):
    """The first page of the devices and the one of that number: walked once, as a caller would."""
    first = f'/api/v1/devices?limit={limit}'
    connection = http.client.HTTPSConnection(server.management, context=server.context)
    path = first
    for _ in range(page - 1):
        connection.request('GET', path, headers={'Authorization': f'Bearer {server.token}'})
        cursor = json.loads(connection.getresponse().read()).get('next')
        if cursor is None:
            raise RuntimeError('the list is shorter than that')
        path = f'{first}&cursor={cursor}'
    return first, path
