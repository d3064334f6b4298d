"""Images fetched from the server and from nginx: the same file, the same ciphers, mutual TLS on both, in one run.

The device is a row and a certificate, and the offer is rows (tests/e2e/firmware_rows.py): how they come to be is not what is measured.
"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
import time

SIZE = 16 << 20
CIPHERS = 'TLS_AES_256_GCM_SHA384'
ROWS = 'tests/e2e/firmware_rows.py'


def run(*arguments, **more):
    return subprocess.run(arguments, check=True, capture_output=True, **more).stdout


class Device:
    """One that is registered and enrolled, by openssl and curl."""

    def __init__(self, server, work):
        at = lambda name: os.path.join(work, name)
        self.server, self.cert, self.key = server, at('device.crt'), at('device.key')
        for name in ('birth', 'device'):
            run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', at(f'{name}.key'))
        run('openssl', 'req', '-x509', '-new', '-key', at('birth.key'), '-subj', '/CN=birth', '-days', '30', '-out', at('birth.crt'))
        spki = run('openssl', 'pkey', '-in', at('birth.key'), '-pubout', '-outform', 'DER')
        server.api('POST', '/api/v1/batches', json.dumps({'devices': [hashlib.sha256(spki).hexdigest()]}).encode())
        csr = base64.b64encode(run('openssl', 'req', '-new', '-key', self.key, '-subj', '/CN=x', '-outform', 'DER'))
        answer = run('curl', '-sSf', '--cacert', server.ca, '--cert', at('birth.crt'), '--key', at('birth.key'), '-H',
                     'Content-Type: application/pkcs10', '--data-binary', '@-', f'https://{server.device}/.well-known/est/simpleenroll', input=csr)
        chain = run('openssl', 'pkcs7', '-inform', 'DER', '-print_certs', input=base64.b64decode(answer))
        with open(self.cert, 'wb') as file:
            file.write(chain)

    def polls(self):
        return json.loads(run('curl', '-sSf', '--cacert', self.server.ca, '--cert', self.cert, '--key', self.key,
                              f'https://{self.server.device}/device/v1/firmware')).get('action')

    def is_offered(self, image):
        """The path of the image, once the rollout is heard of."""
        run(sys.executable, '-B', ROWS, self.server.dir, image, '1.0', '1')
        for _ in range(600):
            action = self.polls()
            if action:
                return '/device/v1/' + action['artifacts'][0]['href']
            time.sleep(0.1)
        raise RuntimeError('the image was not offered')


def anonymous_kb(pid):
    with open(f'/proc/{pid}/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('RssAnon'))


class Peak:
    """The most anonymous memory that a process has meanwhile."""

    def __init__(self, pid):
        self.pid, self.kb, self.is_over = pid, 0, False

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.is_over:
            self.kb = max(self.kb, anonymous_kb(self.pid))
            time.sleep(0.02)

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()


def bench_downloads(server, nginx, work, ranges, tools):
    load, measure, interleaved, row = tools
    print('downloads', flush=True)
    image = os.path.join(nginx.files, 'image.bin')
    with open(image, 'wb') as file:
        file.write(os.urandom(SIZE))
    device = Device(server, work)
    path = device.is_offered(image)
    ours = ('--connect', server.device, '--path', path, '--cert', device.cert, '--key', device.key)
    theirs = ('--connect', f'127.0.0.1:{nginx.mutual}', '--path', '/files/image.bin', '--cert', nginx.cert, '--key', nginx.key)

    def whole(pids, where, count=64):
        return measure(pids, count * SIZE / (1 << 30), lambda: load(*where, '--requests', count, '--threads', 64, '--ciphers', CIPHERS))[0]

    def small(pids, where):
        return measure(pids, ranges, lambda: load(*where, '--requests', ranges, '--threads', 1, '--keep', '--ciphers', CIPHERS,
                                                  '--range', 4096, '--of', SIZE))[0]

    with Peak(server.process.pid) as peak:
        mine, other = interleaved(5, lambda: whole(server.pids, ours), lambda: whole(nginx.pids, theirs))
    row('(w) 64 downloads of 16 MiB at once, a GiB of them', mine, other, 1.5, 'against nginx')
    mine, other = interleaved(5, lambda: small(server.pids, ours), lambda: small(nginx.pids, theirs))
    row(f'(w) one of {ranges} ranges of 4 KiB on one connection', mine, other, 2.0, 'against nginx')
    met = 'yes' if peak.kb < 64 * 1024 else 'NO'
    return f'Anonymous memory with 64 downloads at once: {peak.kb / 1024:.0f} MB at most (below 64: {met})'
