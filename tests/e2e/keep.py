"""One TLS connection that stays open, driven line by line: what a kept-alive or resumed client does.

  keep.py ADDRESS:PORT ANCHOR [CERTIFICATE KEY] <fifo >answers

Lines: `GET PATH`, `POST PATH FILE TYPE`, `HEADER NAME VALUE` (from now on), `RESUME` (close, and open again by the session's ticket),
`QUIT`. Each request writes "STATUS BODY" on one line, RESUME writes "resumed" or "full".
"""

import socket
import ssl
import sys


def connect(address, context, session=None):
    host, port = address.rsplit(":", 1)
    tls = context.wrap_socket(socket.create_connection((host, int(port)), 10), server_hostname="localhost", session=session)
    return tls, tls.makefile("rb")


def answer_of(reader):
    status = reader.readline().decode().split(" ")
    length = 0
    for line in iter(reader.readline, b"\r\n"):
        if not line:
            raise EOFError("the connection ended")
        name, value = line.decode().split(":", 1)
        length = int(value) if name.lower() == "content-length" else length
    body = reader.read(length).decode(errors="replace").replace("\n", " ")
    return f"{status[1]} {body}" if len(status) > 1 else "closed"


def main(address, anchor, certificate=None, key=None):
    context = ssl.create_default_context(cafile=anchor)
    if certificate:
        context.load_cert_chain(certificate, key)
    tls, reader = connect(address, context)
    headers = {"Host": "x"}
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "QUIT":
            return
        if words[0] == "HEADER":
            headers[words[1]] = " ".join(words[2:])
            continue
        if words[0] == "RESUME":
            session = tls.session
            tls.close()
            tls, reader = connect(address, context, session)
            print("resumed" if tls.session_reused else "full", flush=True)
            continue
        body, extra = b"", {}
        if words[0] == "POST":
            with open(words[2], "rb") as file:
                body = file.read()
            extra = {"Content-Type": words[3], "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **extra}.items())
        tls.sendall(f"{words[0]} {words[1]} HTTP/1.1\r\n{head}\r\n".encode() + body)
        print(answer_of(reader), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
