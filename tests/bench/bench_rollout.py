"""What rollouts cost: starting one, whatever the size of the fleet, and the poll of a device for which there is nothing."""

import base64
import hashlib
import json
import os
import ssl
import subprocess
import sys
import urllib.request

STARTS, RUNNING = 20, 4


def release(server, work, version, sequence):
    """A release that is published, as rows: how one comes to be is not what is measured."""
    image = os.path.join(work, f'{version}.bin')
    with open(image, 'wb') as file:
        file.write(os.urandom(1024))
    out = subprocess.run([sys.executable, '-B', 'tests/e2e/firmware_rows.py', server.dir, image, version, str(sequence)], check=True,
                         stdout=subprocess.PIPE, text=True, env={**os.environ, 'ONLY_RELEASE': '1'})
    return out.stdout.strip()


def draft(server, release_id, name):
    wish = {'name': name, 'release_id': release_id, 'filter': {'labels': {'ring': 'nobody'}}}
    return server.api('POST', '/api/v1/rollouts', json.dumps(wish).encode())['id']


def start_all(server, ids):
    for one in ids:
        server.api('POST', f'/api/v1/rollouts/{one}/start', b'{}')


def starts(server, work, number, measure):
    """CPU of a start; each is cancelled again, so that as many run as before."""
    release_id = release(server, work, f'9.0.{number}', 900 + number)
    ids = [draft(server, release_id, f'start-{number}-{i}') for i in range(STARTS)]
    spent, _ = measure(server.pids, STARTS, lambda: start_all(server, ids))
    for one in ids:
        server.api('POST', f'/api/v1/rollouts/{one}/cancel', b'{}')
    return spent


def bench_start(small, large, devices, work, tools):
    print('starts of rollouts', flush=True)
    measure, interleaved, row = tools
    turns = iter(range(1000))
    few, many = interleaved(5, lambda: starts(small, work, next(turns), measure), lambda: starts(large, work, next(turns), measure))
    row(f'(j) start of a rollout over {devices} devices', many, few, 1.25, 'against 1,000')


def enrolled_device(server, work):
    """A device with a certificate: its id, and the files of certificate and key."""
    paths = {name: os.path.join(work, f'poller.{name}') for name in ('identity', 'self', 'key', 'crt', 'spki')}
    def openssl(*arguments):
        return subprocess.run(['openssl', *arguments], check=True, capture_output=True).stdout
    for key in ('identity', 'key'):
        openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', paths[key])
    openssl('req', '-x509', '-new', '-key', paths['identity'], '-subj', '/CN=poller', '-days', '30', '-out', paths['self'])
    spki = openssl('pkey', '-in', paths['identity'], '-pubout', '-outform', 'DER')
    device = hashlib.sha256(spki).hexdigest()
    server.api('POST', '/api/v1/batches', json.dumps({'devices': [device]}).encode())
    csr = openssl('req', '-new', '-key', paths['key'], '-subj', '/CN=ignored', '-outform', 'DER')
    context = ssl.create_default_context(cafile=server.ca)
    context.load_cert_chain(paths['self'], paths['identity'])
    request = urllib.request.Request(f'https://{server.device}/.well-known/est/simpleenroll', base64.b64encode(csr),
                                     {'Content-Type': 'application/pkcs10'})
    answer = urllib.request.urlopen(request, context=context).read()
    pem = subprocess.run(['openssl', 'pkcs7', '-inform', 'DER', '-print_certs'], input=base64.b64decode(answer), check=True, capture_output=True).stdout
    with open(paths['crt'], 'wb') as file:
        file.write(pem[pem.index(b'-----BEGIN'):])
    return device, paths['crt'], paths['key']


def bench_poll(server, work, count, tools):
    """While some rollouts of its product run that do not mean it."""
    print('polls', flush=True)
    load, measure, interleaved, row = tools
    device, certificate, key = enrolled_device(server, work)
    for i in range(RUNNING):
        one = draft(server, release(server, work, f'1.0.{i}', 10 + i), f'running-{i}')
        start_all(server, [one])
    def per(path):
        return measure(server.pids, count, lambda: load('--connect', server.device, '--path', path, '--keep', '--requests', count, '--threads', 4,
                                                        '--groups', 'X25519', '--cert', certificate, '--key', key))[0]
    per('/device/v1/status')
    status, poll = interleaved(7, lambda: per('/device/v1/status'), lambda: per(f'/default/controller/v1/{device}'))
    row('(j) poll for firmware with nothing to offer (DDI)', poll, status, 1.5, 'against status')
