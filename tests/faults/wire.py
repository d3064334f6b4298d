"""A client that is cut at a byte: TLS over buffers, so that what goes out and what comes in is counted and stopped where it should."""

import socket
import ssl
import struct


class Cut(Exception):
    """It was cut where it should be."""


class Wire:
    """One connection. @param out_limit, in_limit bytes after which it is reset; None: never"""

    def __init__(self, place, context=None, out_limit=None, in_limit=None, piece=None):
        self.out_limit, self.in_limit, self.piece = out_limit, in_limit, piece
        self.sent, self.received = 0, 0
        self.socket = socket.create_connection(place, 10)
        self.socket.settimeout(10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = None
        if context is not None:
            self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        if out_limit == 0 or in_limit == 0:
            self.reset()

    def reset(self):
        """Without a word: RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        raise Cut()

    def close(self):
        self.socket.close()

    # --- bytes as they are

    def put(self, data):
        while data:
            n = len(data) if self.piece is None else self.piece
            if self.out_limit is not None:
                n = min(n, self.out_limit - self.sent)
            self.socket.sendall(data[:n])
            self.sent += len(data[:n])
            data = data[n:]
            if self.sent == self.out_limit:
                self.reset()

    def take(self):
        n = 65536 if self.in_limit is None else min(65536, self.in_limit - self.received)
        data = self.socket.recv(n)
        self.received += len(data)
        if self.received == self.in_limit:
            self.reset()
        return data

    # --- what they carry

    def step(self, call):
        """A call of TLS, until it needs no more bytes."""
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                self.put(self.outgoing.read())
                data = self.take()
                if not data:
                    self.incoming.write_eof()
                else:
                    self.incoming.write(data)

    def handshake(self):
        if self.tls is not None:
            self.step(self.tls.do_handshake)
            self.put(self.outgoing.read())

    def send(self, data):
        if self.tls is None:
            self.put(data)
            return
        for at in range(0, len(data), 8192):
            self.tls.write(data[at:at + 8192])
            self.put(self.outgoing.read())

    def receive(self):
        if self.tls is None:
            return self.take()
        try:
            return self.step(lambda: self.tls.read(65536))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def answer(self, enough=None):
        """The whole of one answer with Content-Length, or as many bytes as are enough."""
        data = b""
        while True:
            head, found, body = data.partition(b"\r\n\r\n")
            if found and enough is None:
                length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), None)
                if length is not None and len(body) >= length:
                    return data
            if enough is not None and len(data) >= enough:
                return data
            more = self.receive()
            if not more:
                return data
            data += more

    def half_close(self):
        """No more from here; the other side may go on."""
        self.socket.shutdown(socket.SHUT_WR)


def converse(place, request, context=None, enough=None, **limits):
    """(sent, received, answer or None when it was cut)"""
    wire = None
    try:
        wire = Wire(place, context, **limits)
        wire.handshake()
        wire.send(request)
        answer = wire.answer(enough)
        wire.close()
        return wire.sent, wire.received, answer
    except Cut:
        return 0, 0, None
    except (OSError, ssl.SSLError):
        if wire is not None:
            wire.close()
        return 0, 0, None
