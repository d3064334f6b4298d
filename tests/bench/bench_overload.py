"""Four times more than can be served: server on one core, whoever asks on the other. Goodput against what the server does when nobody waits
too long, and OCSP beside it."""

import json
import statistics
import subprocess
import time

from bench_ocsp import request_path
from bench_rollout import enrolled_device

FACTOR, TIMEOUT_MS, PATH = 4, 5000, '/device/v1/status'
SERVER_CORE, CLIENT_CORE = 0, 1


class Overload:
    def __init__(self, build, server, work, seconds, cpu_us):
        self.cpu_us = cpu_us
        self.tool, self.server, self.seconds = f'{build}/bench/overload', server, seconds
        device, self.cert, self.key = enrolled_device(server, work)
        self.ocsp_path = request_path(server, work)

    def start(self, *arguments, seconds=None, nice=0):
        """On the clients' core; whoever measures OCSP goes before whoever makes the load."""
        command = ['taskset', '-c', str(CLIENT_CORE), 'nice', '-n', str(nice), self.tool, '--seconds', str(seconds or self.seconds),
                   '--timeout-ms', str(TIMEOUT_MS), *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    @staticmethod
    def result(process):
        out, _ = process.communicate(timeout=300)
        if process.returncode != 0:
            raise RuntimeError(f'the load generator ended with {process.returncode}: {out}')
        return json.loads(out)

    def devices(self, *arguments, seconds=None):
        return self.start('--connect', self.server.device, '--path', PATH, '--cert', self.cert, '--key', self.key, *arguments, seconds=seconds)

    def ocsp(self, seconds=None):
        return self.start('--connect', f'127.0.0.1:{self.server.public}', '--path', self.ocsp_path, '--plain', '--rate', 100, '--connections', 2000,
                          seconds=seconds, nice=-5)

    def both(self, *arguments):
        before, began = self.cpu_us(self.server.pids), time.monotonic()
        load, probe = self.devices(*arguments), self.ocsp()
        results = self.result(load), self.result(probe)
        results[0]['busy'] = (self.cpu_us(self.server.pids) - before) / 1e6 / (time.monotonic() - began)
        return results


def line(what, load, probe, capacity, bound):
    share = load['good_per_s'] / capacity
    print(f'{what}: {load["due"] / load["seconds"]:.0f}/s asked for, {load["good_per_s"]:.0f}/s of {capacity:.0f}/s served: {share:.0%} '
          f'(at least {bound:.0%}: {"yes" if share >= bound else "NO"}); p50 {load["p50_us"] / 1000:.0f} ms, p99 {load["p99_us"] / 1000:.0f} ms; '
          f'refused {load["refused"]}, reset {load["reset"]}, gave up {load["timed_out"]}, waited still {load["missed"]}; core busy {load["busy"]:.0%}', flush=True)
    print(f'    OCSP beside it: {probe["good"]} of {probe["due"]}, p50 {probe["p50_us"] / 1000:.1f} ms, p99 {probe["p99_us"] / 1000:.1f} ms '
          f'(under 50: {"yes" if probe["p99_us"] < 50000 and probe["good"] >= probe["due"] - 10 else "NO"})', flush=True)
    return share, probe['p99_us']


def bench_overload(build, server, work, seconds, cpu_us, rounds=3):
    print(f'overload: {FACTOR} x, clients wait {TIMEOUT_MS / 1000:.0f} s', flush=True)
    bench = Overload(build, server, work, seconds, cpu_us)
    shares = {'fresh': [], 'kept': []}
    latencies = []
    for _ in range(rounds):
        for kind, closed, opened, bound in (('fresh', ('--connections', 64), ('--connections', 19000), 0.6),
                                            ('kept', ('--keep', '--connections', 64), ('--keep', '--connections', 400), 0.8)):
            capacity = statistics.mean(bench.result(bench.devices(*closed, seconds=max(2, seconds // 2)))['good_per_s'] for _ in range(2))
            load, probe = bench.both('--rate', int(FACTOR * capacity), *opened)
            share, p99 = line(f'{kind} connections', load, probe, capacity, bound)
            shares[kind].append(share)
            latencies.append(p99)
    return (f'Overload {FACTOR} x, medians of {rounds}: fresh {statistics.median(shares["fresh"]):.0%} (at least 60 %), '
            f'kept {statistics.median(shares["kept"]):.0%} (at least 80 %), OCSP p99 {statistics.median(latencies) / 1000:.1f} ms (under 50)')
