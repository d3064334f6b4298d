#!/usr/bin/env python3
"""Benchmarks of the whole server against bare operations and nginx, in one run, as CPU time of the server process.

Rates on a busy or small machine say little; CPU per operation and its ratio to the same work done bare say more. Everything runs on
loopback with processes that this script starts and ends itself.
"""
import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from bench_cmp import bench_cmp
from bench_crl import bench_crl
from bench_downloads import bench_downloads
from bench_lists import bench_import, page_paths
from bench_ocsp import bench_ocsp
from bench_overload import bench_overload, SERVER_CORE
from bench_pkcs11 import bench_pkcs11
from bench_signer import bench_signer
from bench_rollout import bench_poll, bench_start
from bench_start import bench_start as bench_start_up

BUILD = os.environ.get('BUILD', 'build')
WHORLD, TOOL = f'{BUILD}/whorld', f'{BUILD}/whorl-device'
LOAD, BARE, PASS = f'{BUILD}/bench/load', f'{BUILD}/bench/bare', f'{BUILD}/bench/pass'
CAMPAIGN, RATES = f'{BUILD}/bench/campaign', f'{BUILD}/bench/rates'
GROUPS = 'X25519'
# requests are counted as in service, and none is one too many
COUNTED = ('ADDRESS', 'ADDRESS_BURST', 'DEVICE', 'DEVICE_BURST', 'TENANT', 'TENANT_BURST')
rows = []


def row(what, cpu_us, yardstick_us=None, bound=None, note=''):
    ratio = f'{cpu_us / yardstick_us:.2f}' if yardstick_us else ''
    met = '' if not bound else ('yes' if cpu_us / yardstick_us <= bound else 'NO')
    rows.append((what, f'{cpu_us / 1000:.3f}', f'{yardstick_us / 1000:.3f}' if yardstick_us else '', ratio,
                 f'{bound:.2f}' if bound else '', met, note))
    print(f'  {what}: {cpu_us / 1000:.3f} ms CPU {note}', flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def cpu_us(pids):
    """User and system time of processes, threads that ended included; the kernel counts it in nanoseconds for living threads."""
    total = 0
    for pid in pids:
        for task in os.listdir(f'/proc/{pid}/task'):
            try:
                with open(f'/proc/{pid}/task/{task}/schedstat') as f:
                    total += int(f.read().split()[0])
            except FileNotFoundError:
                pass
    return total / 1000


def rss_kb(pid):
    with open(f'/proc/{pid}/status') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS'))


class Server:
    """A whorld on a directory of its own."""

    def __init__(self, work, name, core=None):
        self.dir = os.path.join(work, name)
        self.public = free_port()
        subprocess.run([WHORLD, 'init', '--dir', self.dir, '--host', 'localhost', '--host', '127.0.0.1', '--public-url',
                        f'http://127.0.0.1:{self.public}'], check=True, stdout=subprocess.DEVNULL)
        self.token = open(f'{self.dir}/admin.token').read().strip()
        self.ca = f'{self.dir}/ca.pem'
        self.log = open(os.path.join(work, f'{name}.log'), 'w')
        env = dict(os.environ, WHORL_DEVICE_LISTEN='127.0.0.1:0', WHORL_MANAGEMENT_LISTEN='127.0.0.1:0',
                   WHORL_PUBLIC_LISTEN=f'127.0.0.1:{self.public}', WHORL_CONNECTIONS_PER_ADDRESS='100000', WHORL_LOG_LEVEL='warn',
                   **{f'WHORL_RATE_{of}': '1000000' for of in COUNTED})
        self.process = subprocess.Popen([*(['taskset', '-c', str(core)] if core is not None else []), WHORLD, 'serve', '--dir', self.dir], stdout=subprocess.PIPE, stderr=self.log, env=env, text=True)
        ready = json.loads(self.process.stdout.readline())
        self.device, self.management = ready['device'], ready['management']
        self.context = ssl.create_default_context(cafile=self.ca)

    @property
    def pids(self):
        return [self.process.pid]

    def api(self, method, path, body=None):
        request = urllib.request.Request(f'https://{self.management}{path}', method=method, data=body,
                                         headers={'Authorization': f'Bearer {self.token}', 'Content-Type': 'application/json'})
        with urllib.request.urlopen(request, context=self.context) as answer:
            return json.loads(answer.read())

    def metric(self, name):
        request = urllib.request.Request(f'https://{self.management}/metrics', headers={'Authorization': f'Bearer {self.token}'})
        with urllib.request.urlopen(request, context=self.context) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + ' '):
                    return float(line.split()[1])
        return 0.0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


class Nginx:
    """Debian's nginx with the server's own certificate, one worker per core, tickets and session cache off."""

    def __init__(self, work, whorl):
        self.dir = os.path.join(work, 'nginx')
        os.mkdir(self.dir)
        self.plain, self.mutual = free_port(), free_port()
        self.files = os.path.join(self.dir, 'files')
        os.mkdir(self.files)
        # a certificate of the same shape: P-256, one intermediate
        run = lambda *a: subprocess.run(a, check=True, cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'ca.key')
        run('openssl', 'req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=ca', '-out', 'ca.crt', '-days', '2')
        for name in ('server', 'client'):
            run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', f'{name}.key')
            run('openssl', 'req', '-new', '-key', f'{name}.key', '-subj', f'/CN={name}', '-out', f'{name}.csr')
            run('openssl', 'x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', f'{name}.crt',
                '-days', '2')
        chain = open(f'{self.dir}/server.crt').read() + open(f'{self.dir}/ca.crt').read()
        open(f'{self.dir}/chain.crt', 'w').write(chain)
        self.cert, self.key = f'{self.dir}/client.crt', f'{self.dir}/client.key'
        body = json.dumps({'status': 'ok'})
        common = f'''ssl_certificate chain.crt; ssl_certificate_key server.key; ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve {GROUPS};
            ssl_session_tickets off; ssl_session_cache off; access_log off; keepalive_requests 1000000000;
            location /files/ {{ root {self.dir}; }}
            location / {{ default_type application/json; return 200 '{body}'; }}'''
        open(f'{self.dir}/nginx.conf', 'w').write(f'''{"user root;" if os.getuid() == 0 else ""} daemon off; worker_processes auto; error_log error.log; pid nginx.pid;
            events {{ worker_connections 4096; }}
            http {{ server {{ listen 127.0.0.1:{self.plain} ssl reuseport; {common} }}
                    server {{ listen 127.0.0.1:{self.mutual} ssl reuseport; ssl_verify_client on; ssl_client_certificate ca.crt; {common} }} }}''')
        self.process = subprocess.Popen(['nginx', '-p', self.dir, '-c', 'nginx.conf'], stderr=subprocess.DEVNULL)
        time.sleep(1)

    @property
    def pids(self):
        kids = subprocess.run(['pgrep', '-P', str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return [self.process.pid] + [int(k) for k in kids]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def load(*arguments):
    out = subprocess.run([LOAD, *map(str, arguments)], capture_output=True, text=True)
    if out.returncode != 0:
        raise RuntimeError(f'load {arguments}: {out.stdout} {out.stderr}')
    return json.loads(out.stdout)


def measure(pids, count, action):
    """CPU microseconds of the processes for each of `count` operations that `action` makes them do."""
    before = cpu_us(pids)
    answer = action()
    return (cpu_us(pids) - before) / count, answer


def interleaved(rounds, *actions):
    """Runs each action in turn, several times; the median of each. Noise hits all alike."""
    results = [[] for _ in actions]
    for _ in range(rounds):
        for i, action in enumerate(actions):
            results[i].append(action())
    return [statistics.median(r) for r in results]


def bare(count):
    return json.loads(subprocess.run([BARE, str(count)], capture_output=True, text=True, check=True).stdout)


def register_fleet(server, count, base, work):
    path = os.path.join(work, f'list{base}.json')
    subprocess.run([TOOL, 'fleet', '--count', str(count), '--seed-base', str(base), '--list', path], check=True, stdout=subprocess.DEVNULL)
    body = open(path, 'rb').read()
    server.api('POST', '/api/v1/batches', body)
    return len(json.loads(body)['devices'])


def fleet(server, count, base, *more):
    out = subprocess.run([TOOL, 'fleet', '--count', str(count), '--seed-base', str(base), '--connections', '16', '--server',
                          f'https://{server.device}', '--ca', server.ca, *more], capture_output=True, text=True)
    if out.returncode != 0:
        raise RuntimeError(out.stdout + out.stderr)
    return out.stdout


def bench_enrolment(server, work, count):
    print('enrolment', flush=True)
    known = [register_fleet(server, count, 100000 * (i + 1), work) for i in range(6)]
    fresh, kept, sums = [], [], []
    for i in range(3):
        b = bare(count)
        sums.append(b['handshake_us'] + b['csr_us'] + b['issue_us'])
        commits, closures = server.metric('whorl_db_commits_total'), server.metric('whorl_db_transactions_total')
        per, _ = measure(server.pids, known[2 * i], lambda: fleet(server, count, 100000 * (2 * i + 1)))
        fresh.append(per)
        group = (server.metric('whorl_db_transactions_total') - closures) / max(1, server.metric('whorl_db_commits_total') - commits)
        per, _ = measure(server.pids, known[2 * i + 1], lambda: fleet(server, count, 100000 * (2 * i + 2), '--keep-alive'))
        kept.append(per)
    base = statistics.median(sums)
    row('(a) enrolment, fresh mutual TLS 1.3, durable', statistics.median(fresh), base, 1.4, f'against the bare sum; {group:.1f} writes share a commit')
    row('(b) enrolment over kept connections', statistics.median(kept), base)


def bench_front(server, nginx, count):
    print('front', flush=True)
    crl = '/crl/device.crl'
    status = '/device/v1/status'
    def per(pids, n, *arguments):
        return measure(pids, n, lambda: load('--requests', n, '--threads', 4, '--groups', GROUPS, *arguments))[0]
    client = ('--cert', nginx.cert, '--key', nginx.key)
    nginx_address, mutual_address = f'127.0.0.1:{nginx.plain}', f'127.0.0.1:{nginx.mutual}'
    ours, theirs = interleaved(5, lambda: per(server.pids, count, '--connect', server.device, '--path', crl),
                               lambda: per(nginx.pids, count, '--connect', nginx_address))
    row('(c) TLS 1.3 handshake + small answer', ours, theirs, 1.25, 'against nginx')
    ours, theirs = interleaved(5, lambda: per(server.pids, count, '--connect', server.device, '--path', crl, *client),
                               lambda: per(nginx.pids, count, '--connect', mutual_address, *client))
    row('(c) the same, mutual', ours, theirs, 1.4, 'against nginx')
    many = count * 20
    ours, worker, theirs = interleaved(
        5, lambda: per(server.pids, many, '--connect', server.device, '--path', crl, '--keep'),
        lambda: per(server.pids, many // 4, '--connect', server.device, '--path', '/.well-known/est/csrattrs', '--keep'),
        lambda: per(nginx.pids, many, '--connect', nginx_address, '--keep'))
    row('(c) kept-alive small answer, on the loop', ours, theirs, 1.8, 'against nginx')
    row('(c) kept-alive small answer, by a worker', worker, theirs)


def ids_of(count):
    return [hashlib.sha256(b'bench%d' % i).hexdigest() for i in range(count)]


def bench_pages(server, big, count):
    limit = 100
    last = max(1, min(10000, big // limit))
    paths = page_paths(server, limit, last)
    header = f'Authorization: Bearer {server.token}'
    one, late = interleaved(5, *[lambda path=path: measure(server.pids, count, lambda: load(
        '--connect', server.management, '--path', path, '--keep', '--requests', count, '--header', header))[0] for path in paths])
    row(f'(f) page {last} of the devices, {limit} a page', late, one, 1.2, 'against page 1')


def bench_inventory(small, large, big, count, work):
    print(f'inventory with {big} devices', flush=True)
    ids = ids_of(max(big, 1000))
    small.api('POST', '/api/v1/batches', json.dumps({'name': 'small', 'devices': ids[:1000]}).encode())
    start_rss = rss_kb(large.process.pid)
    imported, notes = bench_import(large, work, big, cpu_us, rss_kb)
    path = '/api/v1/devices/' + ids[min(big, 1000) // 2]
    def per(server):
        got, answer = measure(server.pids, count, lambda: load('--connect', server.management, '--path', path, '--keep', '--requests', count,
                                                               '--header', f'Authorization: Bearer {server.token}'))
        return got, answer['p50_us']
    results = [(per(small), per(large)) for _ in range(5)]
    small_cpu = statistics.median(r[0][0] for r in results)
    large_cpu = statistics.median(r[1][0] for r in results)
    small_p50 = statistics.median(r[0][1] for r in results)
    large_p50 = statistics.median(r[1][1] for r in results)
    row(f'(d) GET device with {big} devices', large_cpu, small_cpu, 1.25, f'against 1,000; {large_cpu - small_cpu:+.1f} us CPU, p50 {large_p50 - small_p50:+.0f} us')
    row('(e) import of one device', imported)
    bench_pages(large, big, count // 5)
    return '\n'.join(notes) + f'\nRSS with {big} devices: {rss_kb(large.process.pid) / 1024:.0f} MB (at start {start_rss / 1024:.0f} MB)'


def bench_long_crl(server, count):
    print(f'a CRL of {count} entries', flush=True)
    spent, notes = bench_crl(server, count, cpu_us, rss_kb)
    row(f'(r) a CRL of {count} entries, signed and shown', spent)
    return '\n'.join(notes)


def bench_pass(work, devices, due):
    """A pass of the scheduler: as many due devices among a tenth of the devices, and among all."""
    print(f'a pass over {devices} devices of which {due} are due', flush=True)
    folder = os.path.join(work, 'pass')
    os.mkdir(folder)
    out = json.loads(subprocess.run([PASS, folder, str(devices // 10), str(devices), str(due)], capture_output=True, text=True, check=True).stdout)
    shutil.rmtree(folder)
    row(f'(g) scheduler pass, {due} due of {devices}', out['many_us'], out['few_us'], 1.3 if devices >= 1000000 else None,
        f'against the same of {devices // 10}; {out["many_us"] / due:.0f} us a due device')


def bench_rates():
    """What counting adds to a request, against the two microseconds that it may."""
    print('limits of requests', flush=True)
    out = json.loads(subprocess.run([RATES], capture_output=True, text=True, check=True).stdout)
    row('(m) a request counted, by address and device', out['count_ns'] / 1000, 2, 1, f'{out["count_ns"]} ns; its fields {out["tell_ns"]} ns')


def bench_campaign():
    """What the fullest second of a campaign of rekeys holds, as its own program tells it; a second that holds more than the rate is an error."""
    print('a campaign', flush=True)
    return subprocess.run([CAMPAIGN], capture_output=True, text=True, check=True).stdout.strip()


def bench_idle(server, count):
    print('idle connections', flush=True)
    before = rss_kb(server.process.pid)
    holder = subprocess.Popen([LOAD, '--connect', server.device, '--path', '/crl/device.crl', '--hold', str(count)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    if holder.stdout.readline().strip() != 'held':
        raise RuntimeError('could not hold the connections')
    after = rss_kb(server.process.pid)
    holder.stdin.close()
    holder.wait(30)
    return f'Memory of an idle TLS connection: {(after - before) / count:.1f} kB (of {count})'


def print_table():
    head = ('operation', 'CPU ms', 'yardstick ms', 'ratio', 'at most', 'met', '')
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    print()
    for r in [head, *rows]:
        print('  '.join(cell.ljust(w) if i in (0, 6) else cell.rjust(w) for i, (cell, w) in enumerate(zip(r, widths))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--enrolments', type=int, default=1000)
    parser.add_argument('--requests', type=int, default=2000)
    parser.add_argument('--devices', type=int, default=1000000)
    parser.add_argument('--revoked', type=int, default=100000)
    parser.add_argument('--rates', action='store_true', help='the benchmark of limits of requests only')
    parser.add_argument('--crl', action='store_true', help='the benchmark of CRLs only')
    parser.add_argument('--cmp', action='store_true', help='the benchmark of CMP only')
    parser.add_argument('--ocsp', action='store_true', help='the benchmark of OCSP only')
    parser.add_argument('--start', action='store_true', help='the time of a start with that many devices only')
    parser.add_argument('--overload', type=int, metavar='SECONDS', help='the benchmark of overload only, so long for each round')
    parser.add_argument('--polls', action='store_true', help='the benchmark of polls for firmware only')
    parser.add_argument('--downloads', action='store_true', help='the benchmark of downloads only')
    parser.add_argument('--signer', type=int, metavar='N', help='the benchmark of N threads that ask the signer process only')
    parser.add_argument('--pkcs11', type=int, metavar='N', help='the benchmark of N signers on a token only')
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix='whorl-bench.')
    running = []
    try:
        if options.signer:
            print(bench_signer(BUILD, work, options.signer))
            return
        if options.start:
            lines, is_met = bench_start_up(WHORLD, work, options.devices, options.devices // 50, free_port)
            print('\n'.join(lines))
            sys.exit(0 if is_met else 1)
        if options.pkcs11:
            print(bench_pkcs11(BUILD, work, options.pkcs11))
            return
        if options.rates:
            bench_rates()
            print_table()
            return
        if options.overload:
            running.append(Server(work, 'overload', core=SERVER_CORE))
            print(bench_overload(BUILD, running[0], work, options.overload, cpu_us))
            return
        small = Server(work, 'small')
        running.append(small)
        if options.crl:
            print(bench_long_crl(small, options.revoked))
            return
        if options.cmp:
            bench_cmp(BUILD, small, work, options.enrolments, row)
            print_table()
            return
        if options.ocsp:
            bench_ocsp(small, work, options.requests * 10, (load, measure, interleaved, row))
            print_table()
            return
        if options.polls:
            bench_poll(small, work, options.requests * 5, (load, measure, interleaved, row))
            print_table()
            return
        nginx = Nginx(work, small)
        running.append(nginx)
        tools = (load, measure, interleaved, row)
        downloads = Server(work, 'downloads')
        running.append(downloads)
        notes = [bench_downloads(downloads, nginx, work, options.requests * 5, tools)]
        running.remove(downloads)
        downloads.stop()
        if options.downloads:
            print_table()
            print(notes[0])
            return
        large = Server(work, 'large')
        running.append(large)
        notes.append(bench_idle(small, 1000))
        bench_front(small, nginx, options.requests)
        bench_ocsp(small, work, options.requests * 10, tools)
        bench_enrolment(small, work, options.enrolments)
        bench_cmp(BUILD, small, work, options.enrolments // 5, row)
        notes.append(bench_long_crl(small, options.revoked))
        bench_pass(work, options.devices, options.devices // 100)
        bench_rates()
        notes.append(bench_campaign())
        notes.append(bench_signer(BUILD, work, 4))
        notes.append(bench_pkcs11(BUILD, work, 4))
        notes.append(bench_inventory(small, large, options.devices, options.requests * 5, work))
        bench_start(small, large, options.devices, work, (measure, interleaved, row))
        bench_poll(small, work, options.requests * 5, (load, measure, interleaved, row))
        print_table()
        print('\n'.join(notes))
        print(f'Largest group commit: {small.metric("whorl_db_largest_group"):.0f} writes')
    finally:
        for process in running:
            process.stop()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == '__main__':
    main()
