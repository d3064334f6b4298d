"""What an OEM's back end and its people do: read, change, revoke, release firmware and roll it out, follow events, take backups."""
import hashlib
import http.client
import http.server
import json
import os
import random
import subprocess
import threading
import time

from book import Cut, Unexpected
from clients import BROKEN, openssl, totp
from place import WHORL, WHORLD

READS = ('/api/v1/devices?limit=50', '/api/v1/devices?state=enrolled&limit=20', '/api/v1/batches?limit=20', '/api/v1/certificates?limit=20',
         '/api/v1/events?after=latest', '/api/v1/events?limit=50', '/api/v1/audit?limit=50', '/api/v1/rollouts', '/api/v1/firmware/releases?limit=20',
         '/api/v1/firmware/images?limit=20', '/api/v1/alarms', '/api/v1/tokens?limit=20', '/api/v1/products', '/api/v1/authorities', '/api/v1/users',
         '/api/v1/webhooks', '/metrics')
STREAM_SECONDS = 20
RESTING = 50000  # devices that are only there: an inventory that does not fit into the server's cache
PASSWORD = 'mint-gravel-otter-7'


class Receiver(http.server.ThreadingHTTPServer):
    """Where events of revocations go: one call in six fails, and for some seconds of each minute all do."""
    daemon_threads = True

    def __init__(self):
        self.seen, self.calls, self.failures, self.is_moody = set(), 0, 0, True

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
                server = self.server
                server.calls += 1
                fails = server.is_moody and (random.random() < 1 / 6 or time.time() % 60 < 5)
                if fails:
                    server.failures += 1
                else:
                    server.seen.add(event.get('device_id') or event['data'].get('device_id'))
                self.send_response(500 if fails else 200)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *arguments):
                pass
        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class OperatorWork:
    def __init__(self, web, book, work, devices):
        self.web, self.book, self.place, self.devices, self.work = web, book, web.place, devices, work
        self.receiver, self.revoked_ids = Receiver(), []
        self.rollout, self.rounds, self.lock = None, 0, threading.Lock()
        self.manifest_key = self.secret = None
        self.last_step, self.hook = 0, None

    def prepare(self):
        ids = [hashlib.sha256(b'resting%d' % i).hexdigest() for i in range(RESTING)]
        self.web.api('POST', '/api/v1/batches/import?name=resting&format=quarklink', {'devices': ids}).expect(201)
        hook = {'name': 'erp', 'url': f'http://127.0.0.1:{self.receiver.server_address[1]}/hook', 'types': ['device.revoked']}
        self.hook = '/api/v1/webhooks/' + self.web.api('POST', '/api/v1/webhooks', hook).expect(201).json()['id']
        self.book.promise('webhook', self.hook.rpartition('/')[2])
        self.manifest_key = json.loads(self._whorl('firmware-key', 'create', 'manifests', '--role', 'manifest'))['id']
        code = subprocess.run([WHORLD, 'user', 'add', '--dir', self.place.dir, '--name', 'ada'], capture_output=True, text=True, check=True).stdout.strip()
        self.secret = self._public('invitations/accept', {'code': code, 'password': PASSWORD}).expect(200).json()['totp_secret']
        self.last_step = int(time.time()) // 30
        self._public('invitations/confirm', {'code': code, 'totp': totp(self.secret, self.last_step)}).expect(200)
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=operator', '-days', '30',
                '-keyout', f'{self.work}/operator.key', '-out', f'{self.work}/operator.pem')

    def _public(self, path, body):
        return self.web.ask('management', 'POST', f'/api/v1/{path}', json.dumps(body).encode(), {'Content-Type': 'application/json'})

    def _whorl(self, *arguments):
        env = dict(os.environ, XDG_CONFIG_HOME=self.work, WHORL_SERVER=f'https://127.0.0.1:{self.place.ports["management"]}',
                   WHORL_TOKEN=self.place.token, WHORL_CA=self.place.ca)
        done = subprocess.run([WHORL, '--json', *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise Cut(f'whorl {" ".join(arguments[:2])}: {(done.stdout + done.stderr)[-250:]}')
        return done.stdout

    def read(self):
        self.web.api('GET', random.choice(READS)).expect(200)

    def pages(self):
        """A list, page after page."""
        path, cursor = '/api/v1/devices?limit=100', None
        for _ in range(5):
            answer = self.web.api('GET', path + (f'&cursor={cursor}' if cursor else '')).expect(200).json()
            cursor = answer.get('next')
            if cursor is None:
                return

    def look_at_device(self):
        def work(device):
            for path in ('', '/why', '/history', '/firmware'):
                self.web.api('GET', f'/api/v1/devices/{device.id}{path}').expect(200)
            self.web.api('GET', f'/api/v1/certificates/{device.serial}').expect(200)
        return self.devices.with_device(work)

    def label(self):
        def work(device):
            self.book.promise_latest('label', device.id, None)
            device.labels += 1
            labels = {'soak': 'yes', 'n': str(device.labels)}
            self.web.api('PATCH', f'/api/v1/devices/{device.id}', {'labels': labels}, headers={'If-Match': '*'}).expect(200)
            device.is_labelled = True
            self.book.promise_latest('label', device.id, str(device.labels))
        return self.devices.with_device(work)

    def revoke(self):
        def work(device):
            self.web.api('POST', f'/api/v1/devices/{device.id}/revoke', {'reason': 'keyCompromise', 'note': 'soak'}).expect(200)
            device.is_revoked = True
            self.book.promise('revoked', device.id)
            self.revoked_ids.append(device.id)
            self.devices.is_turned_away(device)
        return self.devices.with_device(work)

    def token(self):
        made = self.web.api('POST', '/api/v1/tokens', {'name': f'line-{time.time():.3f}', 'scopes': ['devices:read']}).expect(201).json()
        self.book.promise('token', made['id'], 'made')
        self.web.api('GET', '/api/v1/devices?limit=5', token=made['token']).expect(200)
        self.web.api('POST', f'/api/v1/tokens/{made["id"]}/revoke').expect(200)
        self.book.promise('token', made['id'], 'revoked')
        self.web.api('GET', '/api/v1/devices?limit=5', token=made['token']).expect(401)

    def log_in(self):
        """A person with an authenticator; each of its codes is good once."""
        with self.lock:
            step = int(time.time()) // 30
            if step <= self.last_step:
                return False
            self.last_step = step
        answer = self._public('login', {'name': 'ada', 'password': PASSWORD, 'totp': totp(self.secret, step)}).expect(200, 429)
        if answer.status == 429:  # the wrong logins of `bad request` come from the same address
            return False
        answer = answer.json()
        self.web.api('GET', '/api/v1/whoami', token=answer['session']).expect(200)
        self.web.api('GET', '/api/v1/sessions', token=answer['session']).expect(200)
        self.web.api('POST', '/api/v1/logout', token=answer['session']).expect(204)
        self.web.api('GET', '/api/v1/whoami', token=answer['session']).expect(401)
        return None

    def follow(self):
        """A stream of events that comes and goes, now by a close and now by a reset."""
        connection = self.web.connection('management')
        try:
            connection.request('GET', '/api/v1/events?after=latest', headers={'Authorization': f'Bearer {self.place.token}', 'Accept': 'text/event-stream'})
            answer = connection.getresponse()
            if answer.status != 200:
                raise Unexpected(f'{answer.status} for a stream')
            end, lines = time.monotonic() + STREAM_SECONDS, 0
            while time.monotonic() < end:
                line = answer.readline()
                if not line:
                    raise Cut('the stream ended')
                lines += line.startswith(b'data:')
        except BROKEN as error:
            raise Cut(f'stream: {type(error).__name__} {error}') from error
        finally:
            connection.close()

    # --- firmware

    def _upload(self, content, name, version):
        query = f'product=default&filename={name}&format=raw&version={version}'
        if self.rounds % 2:
            answer = self.web.api('POST', f'/api/v1/firmware/images?{query}', content, headers={'Content-Type': 'application/octet-stream'}).expect(201)
        else:
            wish = {'product': 'default', 'filename': name, 'format': 'raw', 'version': version, 'size': len(content),
                    'sha256': hashlib.sha256(content).hexdigest()}
            path = '/api/v1/firmware/uploads/' + self.web.api('POST', '/api/v1/firmware/uploads', wish).expect(201).json()['id']
            for at in range(0, len(content), 65536):
                answer = self.web.api('PATCH', path, content[at:at + 65536], headers={'Content-Type': 'application/partial-upload', 'Upload-Offset': str(at)})
                answer.expect(204, 201)
            answer.expect(201)
        image = answer.json()['id']
        self.book.promise('image', image)
        return image

    def campaign(self):
        """A release, signed and published, and its rollout in waves; the one before it is cancelled."""
        with self.lock:
            self.rounds += 1
            version = f'1.0.{self.rounds}'
        image = self._upload(os.urandom(200000), f'soak-{version}.bin', version)
        wish = {'product': 'default', 'images': [{'image': image}], 'manifest_key': self.manifest_key, 'version': version}
        release = self.web.api('POST', '/api/v1/firmware/releases', wish).expect(201).json()['id']
        path = f'/api/v1/firmware/releases/{release}'
        self.web.api('POST', f'{path}/approve').expect(200)
        for _ in range(200):
            if self.web.api('GET', path).expect(200).json()['state'] == 'approved':
                break
            time.sleep(0.1)
        self.web.api('POST', f'{path}/publish').expect(200)
        self.book.promise('release', release)
        plan = {'name': f'soak-{version}', 'release_id': release, 'filter': {'labels': {'soak': 'yes'}},
                'waves': [{'percent': 10}, {'percent': 50}, {'percent': 100}], 'stop_on_failure': {'percent': 50, 'min_devices': 20}}
        rollout = self.web.api('POST', '/api/v1/rollouts', plan).expect(201).json()['id']
        before, self.rollout = self.rollout, None
        if before:
            self.web.api('POST', f'/api/v1/rollouts/{before}/cancel').expect(200, 409)
        self.web.api('POST', f'/api/v1/rollouts/{rollout}/start').expect(200)
        self.book.promise('rollout', rollout)
        self.rollout = rollout

    def wave(self):
        if self.rollout is None:
            return False
        self.web.api('POST', f'/api/v1/rollouts/{self.rollout}/next-wave').expect(200, 409)
        self.web.api('GET', f'/api/v1/rollouts/{self.rollout}').expect(200)
        self.web.api('GET', f'/api/v1/rollouts/{self.rollout}/devices').expect(200)
        return None

    def backup(self):
        """Made beside the server, proved to be good, thrown away."""
        path = f'{self.work}/one.backup'
        for command in (('backup', '--dir', self.place.dir, '--to', path, '--recipient', f'{self.work}/operator.pem'),
                        ('restore', '--verify', '--from', path, '--key', f'{self.work}/operator.key', '--certificate', f'{self.work}/operator.pem')):
            done = subprocess.run([WHORLD, *command], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Unexpected(f'{command[0]}: {(done.stdout + done.stderr)[-300:]}')
        os.remove(path)

    # --- what was acknowledged

    def is_so(self, kind, key, value):
        """Asks whether it still is what the server once said."""
        if kind in ('revoked', 'label'):
            got = self.web.api('GET', f'/api/v1/devices/{key}').expect(200).json()
            return got['state'] == 'revoked' if kind == 'revoked' else got['labels'].get('n') == value
        if kind == 'action':
            device, _, action = key.partition('/')
            actions = self.web.api('GET', f'/api/v1/devices/{device}/firmware').expect(200).json()['actions']
            states = {a['id']: a['state'] for a in actions}
            return action not in states and len(states) >= 5 or states.get(action) == value  # the page shows the latest ones
        place = {'certificate': '/api/v1/certificates/', 'batch': '/api/v1/batches/', 'token': '/api/v1/tokens/', 'image': '/api/v1/firmware/images/',
                 'release': '/api/v1/firmware/releases/', 'rollout': '/api/v1/rollouts/', 'webhook': '/api/v1/webhooks/'}[kind]
        answer = self.web.api('GET', place + key).expect(200, 404)  # 429, as who asks for thousands at once gets it, is no answer
        if answer.status == 404:
            return False
        got = answer.json()
        return {'certificate': lambda: got['device_id'] == value, 'token': lambda: value == 'made' or 'revoked_at' in got,
                'release': lambda: got['state'] == 'published', 'rollout': lambda: got['state'] != 'draft'}.get(kind, lambda: True)()

    def is_told(self, seconds):
        """The receiver fails no more, and what waits for its next try after a failure is tried at once. @return how many revocations it was not told of
        within that time."""
        self.receiver.is_moody = False
        for delivery in self.web.api('GET', f'{self.hook}/deliveries?state=waiting&limit=100').expect(200).json()['deliveries']:
            self.web.api('POST', f'{self.hook}/deliveries/{delivery["id"]}/retry').expect(202, 409)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not set(self.revoked_ids) <= self.receiver.seen:
            time.sleep(0.5)
        return len(set(self.revoked_ids) - self.receiver.seen)
