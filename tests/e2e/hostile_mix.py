"""Callers who want the server's memory, all at once for some seconds; watches its anonymous memory. Prints what it saw as JSON.

usage: hostile_mix.py DEVICE MANAGEMENT PUBLIC TOKEN PID SECONDS
"""
import collections
import json
import random
import socket
import ssl
import sys
import threading
import time

context = ssl._create_unverified_context()
statuses = collections.Counter()
stop = threading.Event()
LIST = b'GET /api/v1/devices?limit=1000 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n'


def address(text):
    host, port = text.rsplit(':', 1)
    return host, int(port)


def connect(where, tls=True):
    raw = socket.socket()
    raw.settimeout(5)
    raw.bind((f'127.0.2.{random.randrange(1, 250)}', 0))
    raw.connect(where)
    return context.wrap_socket(raw, server_hostname='localhost') if tls else raw


def note(s):
    """The status of the answer, or why there is none."""
    try:
        first = s.recv(12)
        statuses[first[9:12].decode() if len(first) == 12 else 'closed'] += 1
    except OSError:
        statuses['silent'] += 1


def post(token, size, path=b'/api/v1/batches'):
    return b'POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n' % (
        path, token, size)


def half_open(device):
    held = [connect(device, tls=False) for _ in range(60)]
    for i, s in enumerate(held):
        s.send(b'\x16\x03\x01\x02\x00\x01'[:i % 7])
    stop.wait()


def large_bodies(management, token):
    """As much as is taken, in pieces, and then no end."""
    size = 5 << 19
    s = connect(management)
    try:
        s.sendall(post(token, size))
        for _ in range(size // 65536 - 1):
            s.sendall(b'["' + b'x' * 65532 + b'",')
        if random.random() < 0.5:
            s.sendall(b' ' * 65536)
        else:
            stop.wait(1)
    except OSError:
        pass
    note(s)
    s.close()


def unread_answers(management, token):
    """Large answers, asked for one behind the other, and not read."""
    s = connect(management)
    s.sendall(LIST % token * 8)
    stop.wait(1.5)
    note(s)
    s.close()


def pipeline(public):
    s = connect(public, tls=False)
    s.setblocking(False)
    text = b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' * 2000
    while not stop.is_set():
        try:
            s.send(text)
        except BlockingIOError:
            time.sleep(0.01)


def again(function, *arguments):
    while not stop.is_set():
        try:
            function(*arguments)
        except OSError:
            time.sleep(0.05)


def once(management, head, body=b''):
    s = connect(management)
    s.sendall(head + body)
    first = s.recv(12)
    s.close()
    return first[9:12].decode()


def anonymous_mib(pid):
    with open(f'/proc/{pid}/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('RssAnon')) // 1024


def main():
    device, management, public = map(address, sys.argv[1:4])
    token, pid, seconds = sys.argv[4].encode(), sys.argv[5], float(sys.argv[6])
    brackets = b'{"devices":[' + b'{},' * 400000 + b'{}]}'
    out = {'before_mib': anonymous_mib(pid), 'never': once(management, post(token, 60 << 20)),
           'brackets': once(management, post(token, len(brackets)), brackets)}
    plan = [(half_open, device)] * 2 + [(large_bodies, management, token)] * 24 + [(unread_answers, management, token)] * 40 + [(pipeline, public)] * 4
    threads = [threading.Thread(target=again, args=what, daemon=True) for what in plan]
    for thread in threads:
        thread.start()
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        most = max(most, anonymous_mib(pid))
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join(6)
    print(json.dumps({**out, 'most_mib': most, 'statuses': statuses}))


main()
