#!/usr/bin/env python3
"""Clients at work while the server is told to stop: stop_load.py DEVICE MANAGEMENT PUBLIC CA TOKEN PID SECONDS FOLDER.

Kept connections and new ones, writes, uploads in parts, downloads and streams of events; after SECONDS this sends SIGTERM to PID itself, so that it
knows which requests were sent before. Every request ends in one of three ways: with its whole answer; without one byte of it (then whoever
sent it may send it again); or broken within the answer, which is wrong, as it is for a request that was sent well before the signal to get
no answer. Writes FOLDER/acknowledged and FOLDER/unanswered, one name of a batch a line, and prints figures as JSON; exit code 1 when something is wrong."""

import hashlib
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time

DEVICE, MANAGEMENT, PUBLIC, CA, TOKEN, PID, SECONDS, FOLDER = sys.argv[1:9]
BEFORE_S = 0.25  # sent so long before the signal, a request was read by then
CONTEXT = ssl.create_default_context(cafile=CA)
lock = threading.Lock()
figures = {'answered': 0, 'after the signal': 0, 'unanswered': 0, 'refused': 0}
wrong, acknowledged, unanswered = [], [], []
stopped = threading.Event()
signalled_at = None


def connect(place):
    host, _, port = place.partition('://')[2].partition(':')
    raw = socket.create_connection((host, int(port)), 10)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return CONTEXT.wrap_socket(raw, server_hostname=host) if place.startswith('https') else raw


def request(method, path, body=b'', fields=()):
    head = [f'{method} {path} HTTP/1.1', 'Host: localhost', f'Authorization: Bearer {TOKEN}', f'Content-Length: {len(body)}', *fields]
    return '\r\n'.join(head).encode() + b'\r\n\r\n' + body


def read_answer(connection):
    """@return status and body; None when not one byte came; ValueError when it ended within."""
    got = b''
    while b'\r\n\r\n' not in got:
        try:
            piece = connection.recv(65536)
        except OSError:
            piece = b''
        if not piece:
            if got:
                raise ValueError(f'cut within the header: {got[:80]!r}')
            return None
        got += piece
    head, _, body = got.partition(b'\r\n\r\n')
    length = next((int(line.split(b':')[1]) for line in head.split(b'\r\n') if line.lower().startswith(b'content-length:')), 0)
    while len(body) < length:
        try:
            piece = connection.recv(1 << 20)
        except OSError:
            piece = b''
        if not piece:
            raise ValueError(f'cut within the body: {len(body)} of {length} bytes')
        body += piece
    return int(head.split()[1]), body, b'connection: close' in head.lower()


class Client:
    def __init__(self, place, keeps=True):
        self.place, self.keeps, self.connection = place, keeps, None

    def ask(self, what, sent, wanted=(200,)):
        """@return the body, None without an answer, False when no connection could be made"""
        try:
            if self.connection is None:
                self.connection = connect(self.place)
        except OSError:
            with lock:
                figures['refused'] += 1
                if signalled_at is None:
                    wrong.append(f'{what}: no connection before the signal')
            return False
        at = time.monotonic()
        answer = None
        try:
            self.connection.sendall(sent)
            answer = read_answer(self.connection)
        except ValueError as error:
            with lock:
                wrong.append(f'{what}: {error}')
        except OSError:
            pass
        with lock:
            if answer is None:
                figures['unanswered'] += 1
                if signalled_at is None or at < signalled_at - BEFORE_S:
                    wrong.append(f'{what}: no answer to a request that was sent {"before" if signalled_at is None else f"{signalled_at - at:.2f} s before"} the signal')
            else:
                figures['answered'] += 1
                figures['after the signal'] += signalled_at is not None
                if answer[0] not in wanted:
                    wrong.append(f'{what}: {answer[0]} {answer[1][:120]!r}')
        if answer is None or answer[2] or not self.keeps:
            self.connection.close()
            self.connection = None
        return None if answer is None else answer[1]


def repeat(action):
    def run():
        while not stopped.is_set():
            if action() in (None, False) and signalled_at is not None:
                time.sleep(0.05)
    return run


def reader(place, path, keeps):
    client = Client(place, keeps)
    return lambda: client.ask(f'GET {path}', request('GET', path))


def writer(number):
    client, count = Client(MANAGEMENT), [0]

    def write():
        count[0] += 1
        name = f'b{number}-{count[0]}'
        body = json.dumps({'name': name, 'devices': [hashlib.sha256(name.encode()).hexdigest()]}).encode()
        got = client.ask('POST a batch', request('POST', '/api/v1/batches', body, ('Content-Type: application/json',)), (201,))
        with lock:
            if got:
                acknowledged.append(name)
            elif got is None:
                unanswered.append(name)
        return got
    return write


def uploader(number):
    """An image in parts of 64 KiB; what was acknowledged of it is there afterwards."""
    client, count = Client(MANAGEMENT), [0]

    def upload():
        count[0] += 1
        content = os.urandom(200000)
        wish = json.dumps({'product': 'default', 'filename': f'u{number}-{count[0]}', 'format': 'raw', 'version': '1', 'size': len(content),
                           'sha256': hashlib.sha256(content).hexdigest()}).encode()
        got = client.ask('POST an upload', request('POST', '/api/v1/firmware/uploads', wish, ('Content-Type: application/json',)), (201,))
        if not got:
            return got
        path = '/api/v1/firmware/uploads/' + json.loads(got)['id']
        for at in range(0, len(content), 65536):
            fields = ('Content-Type: application/partial-upload', f'Upload-Offset: {at}')
            got = client.ask('PATCH an upload', request('PATCH', path, content[at:at + 65536], fields), (204, 201))
            if got in (None, False):
                return got
        return got
    return upload


def follower():
    """A stream of events: begun before the signal, it ends, and not in the middle of a line."""
    try:
        connection = connect(MANAGEMENT)
        connection.sendall(request('GET', '/api/v1/events?after=latest', fields=('Accept: text/event-stream',)))
        last = b'\n'
        while True:
            piece = connection.recv(65536)
            if not piece:
                break
            last = piece
    except OSError:
        return
    if not last.endswith(b'\n'):
        with lock:
            wrong.append(f'a stream was cut within a line: {last[-60:]!r}')


def main():
    global signalled_at
    image = os.environ['IMAGE']
    actions = [repeat(reader(PUBLIC, '/crl/device.crl', True)), repeat(reader(PUBLIC, '/healthz', False)), repeat(reader(DEVICE, '/.well-known/est/cacerts', False)),
               repeat(reader(MANAGEMENT, '/api/v1/devices?limit=20', True)), repeat(reader(MANAGEMENT, '/api/v1/whoami', False)),
               repeat(reader(MANAGEMENT, f'/api/v1/firmware/images/{image}/content', True)), repeat(writer(1)), repeat(writer(2)), repeat(writer(3)),
               repeat(uploader(1)), follower, follower]
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    time.sleep(float(SECONDS))
    with lock:
        os.kill(int(PID), signal.SIGTERM)
        signalled_at = time.monotonic()
    while time.monotonic() < signalled_at + 20:
        try:
            with open(f'/proc/{PID}/stat', encoding='ascii') as file:
                if file.read().rpartition(')')[2].split()[0] == 'Z':
                    break
        except FileNotFoundError:
            break
        time.sleep(0.01)
    figures['seconds to the end'] = round(time.monotonic() - signalled_at, 2)
    stopped.set()
    for thread in threads:
        thread.join(15)
    for name, lines in (('acknowledged', acknowledged), ('unanswered', unanswered)):
        with open(os.path.join(FOLDER, name), 'w', encoding='ascii') as file:
            file.writelines(f'{line}\n' for line in lines)
    print(json.dumps({**figures, 'wrong': len(wrong)}))
    for line in wrong[:10]:
        print(line)
    sys.exit(1 if wrong else 0)


main()
