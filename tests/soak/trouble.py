"""Faults of the soak: requests that are wrong, clients that break off, a signer that is killed, a server that is stopped and killed."""
import random
import socket
import ssl
import struct
import threading
import time

from book import Cut
from place import READY_SECONDS

JSON = {'Content-Type': 'application/json'}
# listener, method, path, body, headers, is an operator, what is right
BAD = (
    ('management', 'POST', '/api/v1/batches', b'{"devices":', JSON, True, (400, 422)),
    ('management', 'POST', '/api/v1/batches', b'{"devices":["zz"],"colour":1}', JSON, True, (422,)),
    ('management', 'POST', '/api/v1/batches', b'x' * 3000, {'Content-Type': 'text/plain'}, True, (415,)),
    ('management', 'GET', '/api/v1/devices/ff', None, {}, True, (404, 400)),
    ('management', 'GET', '/api/v1/devices?limit=-1', None, {}, True, (400,)),
    ('management', 'GET', '/api/v1/devices', None, {}, False, (401,)),
    ('management', 'PATCH', '/api/v1/devices/' + '0' * 64, b'{}', JSON, True, (404, 428, 422)),
    ('management', 'GET', '/api/v1/nothing', None, {}, True, (404,)),
    ('management', 'DELETE', '/api/v1/devices', None, {}, True, (405,)),
    ('management', 'POST', '/api/v1/login', b'{"name":"nobody","password":"nothing-at-all","totp":"000000"}', JSON, False, (401, 429)),
    ('device', 'GET', '/device/v1/status', None, {}, False, (401,)),
    ('device', 'POST', '/.well-known/est/simpleenroll', b'!!!!', {'Content-Type': 'application/pkcs10'}, False, (400, 401)),
    ('device', 'POST', '/.well-known/cmp', b'\x30\x03\x02\x01\x00', {'Content-Type': 'application/pkixcmp'}, False, (400, 200)),
    ('device', 'POST', '/device/v1/challenge', b'{"device_id":"00"}', JSON, False, (400, 422)),
    ('device', 'GET', '/default/controller/v1/none', None, {}, False, (401, 404)),
    ('public', 'GET', '/ocsp/!!!!', None, {}, False, (200, 400)),
    ('public', 'POST', '/ocsp', b'\x30\x00', {'Content-Type': 'application/ocsp-request'}, False, (200, 400)),
    ('public', 'GET', '/crl/none.crl', None, {}, False, (404,)),
)
BEGUN = (b'GET /device/v1/status HTTP/1.1\r\nHost: x\r\n\r\n' * 5,
         b'POST /device/v1/challenge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"device_id":',
         b'POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n', bytes(range(256)))


class Trouble:
    def __init__(self, web, book, operators):
        self.web, self.book, self.place, self.operators = web, book, web.place, operators
        self.done = {}  # kind of fault -> how often
        self.one_at_a_time = threading.Lock()
        self.context = ssl._create_unverified_context()

    def _count(self, what):
        self.done[what] = self.done.get(what, 0) + 1

    def bad_request(self):
        listener, method, path, body, headers, is_operator, wanted = random.choice(BAD)
        given = dict(headers, **({'Authorization': f'Bearer {self.place.token}'} if is_operator else {}))
        self.web.ask(listener, method, path, body, given).expect(*wanted)
        self._count('bad requests')

    def break_off(self):
        """A client that is reset within its handshake, its request or its answer, or that is slow and then gone."""
        try:
            with socket.create_connection(('127.0.0.1', self.place.ports['device']), 5) as raw:
                how = random.randrange(4)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                if how == 0:
                    raw.sendall(b'\x16\x03\x01\x02\x00\x01' + random.randbytes(random.randrange(300)))
                else:
                    with self.context.wrap_socket(raw, server_hostname='localhost') as tls:
                        text = random.choice(BEGUN)
                        tls.sendall(text[:random.randrange(1, len(text))])
                        if how == 2:
                            tls.settimeout(0.2)
                            tls.recv(random.randrange(1, 3000))
                        elif how == 3:
                            time.sleep(2)
        except OSError:
            pass
        self._count('clients that broke off')

    def signer(self):
        if self.place.kill_signer():
            self._count('signer killed')

    def reload(self):
        self.place.reload()
        self._count('reloads')

    def _is_ready(self):
        try:
            return self.web.ask('public', 'GET', '/readyz').status == 200
        except Cut:
            return False

    def restart(self, gracefully):
        """@return how much of what was acknowledged was asked again"""
        with self.one_at_a_time:
            return self._restart(gracefully)

    def _restart(self, gracefully):
        if gracefully:
            self.place.stop()
        else:
            self.place.kill()
        self.place.start()
        self._count('stopped and started' if gracefully else 'killed (SIGKILL) and started')
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if time.monotonic() > deadline:
                self.place.problems.append(f'not ready {READY_SECONDS} s after its start')
                break
            time.sleep(0.1)
        return self.book.ask_again(self.operators.is_so, 100)
