"""A storm of new connections, each with a whole ClientHello and no wish to go on, and three clients that are served meanwhile: one on a
connection it has, one that asks OCSP, one of management. Prints what happened as JSON.

usage: storm_of_hellos.py DEVICE MANAGEMENT PUBLIC TOKEN CA OCSP-REQUEST SECONDS
"""
import errno
import http.client
import json
import selectors
import socket
import ssl
import sys
import threading
import time

PENDING = 1600  # more than the kernel's queue of one loop holds


def hello():
    """The bytes of a ClientHello: the same for all, it is the server that pays for its answer."""
    out = ssl.MemoryBIO()
    context = ssl._create_unverified_context()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname='localhost')
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


class Storm:
    def __init__(self, address):
        self.address, self.hello = address, hello()
        self.seen = {'hello': 0, 'silent': 0, 'other': 0, 'opened': 0}
        self.selector = selectors.DefaultSelector()
        self.pending = 0

    def open(self):
        s = socket.socket()
        s.setblocking(False)
        source = self.seen['opened'] // 500 % 250 + 1  # a plant behind each address
        s.bind((f'127.0.1.{source}', 0))
        if s.connect_ex(self.address) not in (0, errno.EINPROGRESS):
            raise OSError('connect')
        self.selector.register(s, selectors.EVENT_WRITE)
        self.seen['opened'] += 1
        self.pending += 1

    def close(self, s, what):
        self.selector.unregister(s)
        s.close()
        self.pending -= 1
        if what:
            self.seen[what] += 1

    def on_event(self, s, mask):
        try:
            if mask & selectors.EVENT_WRITE:
                s.send(self.hello)
                self.selector.modify(s, selectors.EVENT_READ)
                return
            first = s.recv(1)
        except OSError:
            first = b''
        # the type of a record: 22 is the handshake, with ServerHello first; an alert (21) would be an answer too
        self.close(s, {b'': 'silent', b'\x16': 'hello'}.get(first, 'other'))

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(min(200, PENDING - self.pending)):
                self.open()
            for key, mask in self.selector.select(0.01):
                self.on_event(key.fileobj, mask)
        for key in list(self.selector.get_map().values()):
            self.close(key.fileobj, None)


class Client(threading.Thread):
    """Asks again and again, and keeps statuses and the longest time."""

    def __init__(self, ask):
        super().__init__()
        self.ask, self.statuses, self.longest_s, self.is_over = ask, {}, 0.0, False

    def run(self):
        while not self.is_over:
            began = time.monotonic()
            try:
                status = self.ask()
            except OSError as error:
                status = repr(error)
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            self.statuses[status] = self.statuses.get(status, 0) + 1
            time.sleep(0.02)

    def result(self):
        self.is_over = True
        self.join()
        return {'statuses': self.statuses, 'longest_s': round(self.longest_s, 3)}


def main():
    device, management, public, token, ca, request_file, seconds = sys.argv[1:]
    address = lambda text: (text.rsplit(':', 1)[0], int(text.rsplit(':', 1)[1]))
    context = ssl.create_default_context(cafile=ca)
    kept = http.client.HTTPSConnection(*address(device), context=context, timeout=10)
    request = open(request_file, 'rb').read()

    def ask_kept():
        kept.request('GET', '/.well-known/est/cacerts')
        answer = kept.getresponse()
        answer.read()
        return answer.status

    def ask_once(connection, *arguments):
        connection.request(*arguments)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def ask_ocsp():
        return ask_once(http.client.HTTPConnection(*address(public), timeout=10), 'POST', '/ocsp', request,
                        {'Content-Type': 'application/ocsp-request'})

    def ask_management():
        return ask_once(http.client.HTTPSConnection(*address(management), context=context, timeout=10), 'GET', '/api/v1/alarms', None,
                        {'Authorization': f'Bearer {token}'})

    ask_kept()
    clients = {'kept': Client(ask_kept), 'ocsp': Client(ask_ocsp), 'management': Client(ask_management)}
    storm = Storm(address(device))
    for client in clients.values():
        client.start()
    storm.run(float(seconds))
    out = {name: client.result() for name, client in clients.items()}
    began = time.monotonic()
    out['after'] = ask_once(http.client.HTTPSConnection(*address(device), context=context, timeout=10), 'GET', '/.well-known/est/cacerts')
    out['after_s'] = round(time.monotonic() - began, 3)
    print(json.dumps({**out, 'storm': storm.seen}))


main()
