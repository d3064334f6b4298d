#!/usr/bin/env python3
"""Passes connections on, byte by byte as they are: cutting_proxy.py TARGET-PORT CUT-FILE. Prints its port. While CUT-FILE is there, a connection
that has brought as many bytes from the server as it says is cut, once: then the file is gone. So a client's download breaks in the middle, under TLS."""

import os
import socket
import sys
import threading


def budget(path):
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read() or 0)
    except (FileNotFoundError, ValueError):
        return None


def pump(source, sink, path):
    passed = 0
    try:
        while piece := source.recv(16384):
            sink.sendall(piece)
            passed += len(piece)
            most = budget(path) if path else None
            if most is not None and passed >= most:
                os.unlink(path)
                break
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main(port, path):
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    while True:
        client, _ = server.accept()
        try:
            upstream = socket.create_connection(("127.0.0.1", port))
        except OSError:
            client.close()
            continue
        threading.Thread(target=pump, args=(client, upstream, None), daemon=True).start()
        threading.Thread(target=pump, args=(upstream, client, path), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
