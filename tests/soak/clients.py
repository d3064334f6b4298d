"""Clients of the soak: HTTP from Python's own library, keys and requests by openssl. Nothing of the server's code."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import ssl
import struct
import subprocess
import threading
import time

from book import Cut, Unexpected

BROKEN = (ConnectionError, http.client.HTTPException, ssl.SSLError, TimeoutError, OSError)


def openssl(*arguments, data=None):
    done = subprocess.run(['openssl', *arguments], input=data, capture_output=True, check=False)
    if done.returncode != 0:
        raise Cut(f'openssl {arguments[0]}: {done.stderr.decode(errors="replace")[-200:]}')
    return done.stdout


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def expect(self, *wanted):
        if self.status not in wanted:
            raise Unexpected(f'{self.status} instead of {wanted}: {self.body[:200]!r}')
        return self


class Web:
    """Requests over fresh connections, or over one that each thread keeps."""

    def __init__(self, place, book):
        self.place, self.book = place, book
        self.kept = threading.local()
        self.trusting = ssl.create_default_context(cafile=place.ca)

    def connection(self, listener, context=None):
        port = self.place.ports[listener]
        if listener == 'public':
            return http.client.HTTPConnection('127.0.0.1', port, timeout=30)
        return http.client.HTTPSConnection('127.0.0.1', port, context=context or self.trusting, timeout=30)

    def ask(self, listener, method, path, body=None, headers=None, context=None):
        """One request over a connection of its own."""
        start = time.monotonic()
        connection = self.connection(listener, context)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            got = Answer(answer.status, answer.headers, answer.read())
        except BROKEN as error:
            raise Cut(f'{method} {path[:60]}: {type(error).__name__} {error}') from error
        finally:
            connection.close()
        self.book.measured(time.monotonic() - start)
        return got

    def look(self, listener, path, headers=None):
        """A GET over the connection that this thread keeps; one that has gone meanwhile is made anew."""
        start = time.monotonic()
        for is_last in (False, True):
            kept = getattr(self.kept, listener, None)
            is_last = is_last or kept is None
            try:
                if kept is None:
                    kept = self.connection(listener)
                    setattr(self.kept, listener, kept)
                kept.request('GET', path, headers=headers or {})
                answer = kept.getresponse()
                got = Answer(answer.status, answer.headers, answer.read())
                self.book.measured(time.monotonic() - start)
                return got
            except BROKEN as error:
                setattr(self.kept, listener, None)
                kept.close()
                if is_last:
                    raise Cut(f'GET {path[:60]}: {type(error).__name__} {error}') from error
        raise AssertionError

    def api(self, method, path, body=None, token=None, headers=None):
        given = {'Authorization': f'Bearer {token or self.place.token}', **(headers or {})}
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            given.setdefault('Content-Type', 'application/json')
        if method == 'GET' and body is None:
            return self.look('management', path, given)
        return self.ask('management', method, path, body, given)


class Device:
    """A device with files of its own: its identity key, and the key and certificate that it uses now. One piece of work at a time."""

    def __init__(self, folder, name):
        self.lock = threading.Lock()
        self.name, self.base = name, os.path.join(folder, name)
        self.serial, self.labels, self.is_revoked, self.is_labelled = None, 0, False, False
        self._make(f'{self.base}.id.key')
        self._make(f'{self.base}.key')
        openssl('req', '-x509', '-new', '-key', f'{self.base}.id.key', '-subj', f'/CN={name}', '-days', '3650', '-out', f'{self.base}.id.crt')
        self.id = hashlib.sha256(openssl('pkey', '-in', f'{self.base}.id.key', '-pubout', '-outform', 'DER')).hexdigest()
        self.crt, self.key = f'{self.base}.id.crt', f'{self.base}.id.key'

    @staticmethod
    def _make(path):
        openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path)

    def context(self, trust):
        context = ssl.create_default_context(cafile=trust)
        context.load_cert_chain(self.crt, self.key)
        return context

    def ask(self, web, method, path, body=None, headers=None):
        return web.ask('device', method, path, body, headers, self.context(web.place.ca))

    def next_key(self):
        self._make(f'{self.base}.next.key')
        return f'{self.base}.next.key'

    def request(self, web, operation, key):
        """EST: a certificate over that key, then in use. @return its serial"""
        csr = base64.b64encode(openssl('req', '-new', '-key', key, '-subj', f'/CN={self.id}', '-outform', 'DER'))
        answer = self.ask(web, 'POST', f'/.well-known/est/{operation}', csr, {'Content-Type': 'application/pkcs10'}).expect(200)
        pem = openssl('pkcs7', '-inform', 'DER', '-print_certs', data=base64.b64decode(answer.body))
        self.take(pem[pem.index(b'-----BEGIN'):], key)
        return self.serial

    def take(self, pem, key):
        kept = f'{self.base}.key'
        if key != kept:
            os.replace(key, kept)
        with open(f'{self.base}.crt', 'wb') as file:
            file.write(pem)
        self.crt, self.key = f'{self.base}.crt', kept
        text = openssl('x509', '-noout', '-serial', data=pem).decode()
        self.serial = text.strip().partition('=')[2].lower().rjust(32, '0')

    def status(self, web):
        """The first one with a new certificate confirms it."""
        return self.ask(web, 'GET', '/device/v1/status')


def totp(secret_base32, step):
    """RFC 6238, six digits."""
    key = base64.b32decode(secret_base32 + '=' * (-len(secret_base32) % 8))
    digest = hmac.new(key, struct.pack('>Q', step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f'{(struct.unpack(">I", digest[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}'
