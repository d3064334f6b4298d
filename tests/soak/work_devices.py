"""What devices and brokers do all day: enrol, renew, make new keys, ask for their status and for firmware, fetch CRLs and OCSP answers."""
import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import threading

from book import Cut, Unexpected
from clients import Device, openssl
from place import TOOL

E2E = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e')
POOL = 300  # devices that go on; older ones rest
CMP = ('-tls_used', '-path', '.well-known/cmp', '-ignore_keyusage', '-recipient', '/CN=whorl', '-msg_timeout', '20')


class DeviceWork:
    def __init__(self, web, book, work):
        self.web, self.book, self.place = web, book, web.place
        self.folder = os.path.join(work, 'devices')
        os.makedirs(self.folder, exist_ok=True)
        self.pool, self.count, self.lock = [], 0, threading.Lock()
        self.issuer = os.path.join(work, 'device-ca.pem')

    def prepare(self):
        der = self.web.ask('public', 'GET', '/ca/device.cer').expect(200).body
        with open(self.issuer, 'wb') as file:
            file.write(openssl('x509', '-inform', 'DER', data=der))
        done = subprocess.run([TOOL, 'new', '--dir', f'{self.folder}/reference', '--seed', '4999'], capture_output=True, text=True, check=True)
        self._register([done.stdout.split()[0]])
        self._tool('enrol', '--dir', f'{self.folder}/reference')

    def _register(self, ids):
        answer = self.web.api('POST', '/api/v1/batches', {'devices': ids}).expect(201).json()
        self.book.promise('batch', answer['id'])

    def _tool(self, *arguments):
        """The reference device, or a fleet of it."""
        done = subprocess.run([TOOL, *arguments, '--server', f'https://127.0.0.1:{self.place.ports["device"]}', '--ca', self.place.ca],
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise Cut(f'whorl-device {arguments[0]}: {(done.stdout + done.stderr)[-250:]}')
        return done.stdout

    def _new(self):
        with self.lock:
            self.count += 1
            number = self.count
        device = Device(self.folder, f'd{number}')
        self._register([device.id])
        return device

    def _join(self, device):
        self.book.promise('certificate', device.serial, device.id)
        with self.lock:
            self.pool.append(device)
            if len(self.pool) > POOL:
                self.pool.pop(0)

    def some(self, wanted=lambda device: True):
        """Any device that nobody works with; None when there is none. It comes locked."""
        with self.lock:
            candidates = [d for d in self.pool if not d.is_revoked and wanted(d)]
        for device in random.sample(candidates, min(8, len(candidates))):
            if device.lock.acquire(blocking=False):
                if not device.is_revoked:
                    return device
                device.lock.release()
        return None

    def with_device(self, action, wanted=lambda device: True):
        device = self.some(wanted)
        if device is None:
            return False
        try:
            return action(device)
        finally:
            device.lock.release()

    def enrol(self):
        device = self._new()
        device.request(self.web, 'simpleenroll', f'{device.base}.key')
        self._join(device)
        device.status(self.web).expect(200)

    def renew(self):
        def work(device):
            self.book.promise('certificate', device.request(self.web, 'simplereenroll', device.key), device.id)
            device.status(self.web).expect(200)
        return self.with_device(work)

    def rekey(self):
        def work(device):
            self.book.promise('certificate', device.request(self.web, 'simplereenroll', device.next_key()), device.id)
            device.status(self.web).expect(200)
        return self.with_device(work)

    def status(self):
        return self.with_device(lambda device: device.status(self.web).expect(200) and None)

    def _cmp(self, device, command, key, *more):
        out = f'{device.base}.cmp.crt'
        done = subprocess.run(['openssl', 'cmp', '-cmd', command, '-server', f'127.0.0.1:{self.place.ports["device"]}', *CMP,
                               '-tls_trusted', self.place.ca, '-trusted', self.place.ca, '-cert', device.crt, '-key', device.key, '-newkey', key,
                               '-certout', out, *more], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise Cut(f'openssl cmp {command}: {done.stderr[-250:]}')
        with open(out, 'rb') as file:
            device.take(file.read(), key)
        self.book.promise('certificate', device.serial, device.id)
        device.status(self.web).expect(200)

    def cmp_first(self):
        device = self._new()
        self._cmp(device, 'ir', f'{device.base}.key', '-subject', '/CN=anything', '-extracerts', device.crt)
        self._join(device)

    def cmp_update(self):
        return self.with_device(lambda device: self._cmp(device, 'kur', device.next_key()))

    def fleet(self):
        """A handful of devices by the simulator, over connections of their own or kept ones."""
        with self.lock:
            self.count += 1
            base = 1000000 + 100 * self.count
        path = f'{self.folder}/list.{base}'
        some = ('--count', '8', '--seed-base', str(base))
        subprocess.run([TOOL, 'fleet', *some, '--list', path], capture_output=True, check=True)
        with open(path, encoding='ascii') as file:
            self._register(json.load(file)['devices'])
        os.remove(path)
        self._tool('fleet', *some, '--connections', '2', random.choice(('--keep-alive', '--renew')))

    def reference(self):
        self._tool('run', '--dir', f'{self.folder}/reference', '--contacts', '1')

    # --- firmware, as a client of hawkBit's DDI

    def poll(self):
        return self.with_device(self._poll)

    def _poll(self, device):
        base = f'/default/controller/v1/{device.id}'
        links = device.ask(self.web, 'GET', base).expect(200).json().get('_links', {})
        if 'cancelAction' in links:
            action = links['cancelAction']['href'].rpartition('/')[2]
            self._says(device, f'{base}/cancelAction/{action}/feedback', action, 'closed', 'success')
        elif 'deploymentBase' in links:
            self._deploy(device, base, links['deploymentBase']['href'])

    def _says(self, device, path, action, execution, finished):
        body = json.dumps({'id': action, 'status': {'execution': execution, 'result': {'finished': finished}, 'details': ['soak']}}).encode()
        answer = device.ask(self.web, 'POST', path, body, {'Content-Type': 'application/json'})
        answer.expect(200, 404, 409, 410)  # it was cancelled or replaced meanwhile
        return answer.status == 200

    def _deploy(self, device, base, href):
        action = href.rpartition('/')[2].partition('?')[0]
        answer = device.ask(self.web, 'GET', f'{base}/deploymentBase/{action}').expect(200, 404, 410)
        if answer.status != 200:
            return
        artifact = answer.json()['deployment']['chunks'][0]['artifacts'][0]
        links = artifact['_links']
        path = '/' + (links.get('download') or links['download-http'])['href'].split('/', 3)[3]
        self._says(device, f'{base}/deploymentBase/{action}/feedback', action, 'proceeding', 'none')
        half = artifact['size'] // 2
        first = device.ask(self.web, 'GET', path, headers={'Range': f'bytes=0-{half - 1}'}).expect(206, 404, 410)
        rest = device.ask(self.web, 'GET', path, headers={'Range': f'bytes={half}-'}).expect(206, 404, 410)
        if first.status != 206 or rest.status != 206:
            return
        if hashlib.sha256(first.body + rest.body).hexdigest() != artifact['hashes']['sha256']:
            raise Unexpected('the bytes of the artifact are not those that its hash names')
        finished = 'failure' if random.random() < 0.03 else 'success'
        if self._says(device, f'{base}/deploymentBase/{action}/feedback', action, 'closed', finished):
            self.book.promise('action', f'{device.id}/{action}', 'succeeded' if finished == 'success' else 'failed')

    # --- what brokers ask

    def crl(self):
        answer = self.web.look('public', '/crl/device.crl').expect(200)
        openssl('crl', '-inform', 'DER', '-noout', '-CAfile', self.issuer, data=answer.body)

    def ocsp(self):
        """By GET, as caches like it, about any certificate of the pool."""
        with self.lock:
            device = random.choice(self.pool) if self.pool else None
        if device is None:
            return False
        der = subprocess.run([sys.executable, '-B', f'{E2E}/ocsp_request.py', self.issuer, device.serial], capture_output=True, check=True).stdout
        path = '/ocsp/' + base64.b64encode(der).decode().replace('/', '%2F').replace('+', '%2B').replace('=', '%3D')
        for _ in range(4):
            body = self.web.look('public', path).expect(200).body
        if b'\x2b\x06\x01\x05\x05\x07\x30\x01\x01' not in body:
            raise Unexpected('no OCSP response')
        return None

    def ocsp_verified(self):
        """openssl's client, which verifies the signature up to the root."""
        def work(device):
            done = subprocess.run(['openssl', 'ocsp', '-issuer', self.issuer, '-cert', device.crt, '-CAfile', self.place.ca,
                                   '-url', f'http://127.0.0.1:{self.place.ports["public"]}/ocsp'], capture_output=True, text=True, check=False)
            said = done.stdout + done.stderr
            if 'Response verify OK' not in said:
                raise Cut(f'openssl ocsp: {said[-200:]}')
            if ': good' not in said:
                raise Unexpected(f'a certificate in use is not good: {said[-200:]}')
        return self.with_device(work)

    def is_turned_away(self, device):
        """At once, by what it is told and by what it gets."""
        if device.status(self.web).expect(200).json()['status'] != 'revoked':
            raise Unexpected('a revoked device is not told so')
        device.ask(self.web, 'GET', f'/default/controller/v1/{device.id}').expect(401, 403)
