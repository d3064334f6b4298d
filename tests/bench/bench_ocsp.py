"""OCSP from memory against nginx with a static file of the same size: both over kept connections in the clear."""
import base64
import os
import signal
import socket
import subprocess
import time
import urllib.request


def request_path(server, work):
    """The path of a GET about the server's own certificate, which the responder knows."""
    pem, der = os.path.join(work, 'issuer.pem'), os.path.join(work, 'request.der')
    chain = open(f'{server.dir}/tls/server.pem').read()
    open(pem, 'w').write(chain[chain.rindex('-----BEGIN'):])
    subprocess.run(['openssl', 'ocsp', '-sha256', '-issuer', pem, '-cert', f'{server.dir}/tls/server.pem', '-no_nonce', '-reqout', der],
                   check=True, stderr=subprocess.DEVNULL)
    return '/ocsp/' + base64.b64encode(open(der, 'rb').read()).decode()


class StaticNginx:
    """Debian's nginx as it comes (sendfile, tcp_nopush, one worker a core), with one file."""

    def __init__(self, work, body):
        self.dir = os.path.join(work, 'static')
        os.makedirs(f'{self.dir}/root')
        open(f'{self.dir}/root/answer', 'wb').write(body)
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.address = f'127.0.0.1:{s.getsockname()[1]}'
        open(f'{self.dir}/nginx.conf', 'w').write(f'''{'user root;' if os.geteuid() == 0 else ''} daemon off; worker_processes auto; error_log error.log; pid nginx.pid;
            events {{ worker_connections 4096; }}
            http {{ sendfile on; tcp_nopush on; access_log off; keepalive_requests 1000000000; default_type application/ocsp-response;
                    server {{ listen {self.address} reuseport; root root; }} }}''')
        self.process = subprocess.Popen(['nginx', '-p', self.dir, '-c', 'nginx.conf'], stderr=subprocess.DEVNULL)
        time.sleep(1)

    @property
    def pids(self):
        kids = subprocess.run(['pgrep', '-P', str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return [self.process.pid] + [int(k) for k in kids]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def bench_ocsp(server, work, count, tools):
    """@param tools load, measure, interleaved and row of bench.py"""
    load, measure, interleaved, row = tools
    print('OCSP', flush=True)
    path = request_path(server, work)
    address = f'127.0.0.1:{server.public}'
    with urllib.request.urlopen(f'http://{address}{path}') as answer:
        body = answer.read()
    nginx = StaticNginx(work, body)
    try:
        def per(pids, where, what):
            return measure(pids, count, lambda: load('--plain', '--keep', '--requests', count, '--threads', 4, '--connect', where, '--path', what))[0]
        ours, theirs = interleaved(5, lambda: per(server.pids, address, path), lambda: per(nginx.pids, nginx.address, '/answer'))
        row(f'(i) cached OCSP GET of {len(body)} bytes, kept alive, in the clear', ours, theirs, 1.8, 'against nginx with a file')
    finally:
        nginx.stop()
