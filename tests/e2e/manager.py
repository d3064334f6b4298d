#!/usr/bin/env python3
"""A service manager in little, for test_service_manager.sh: makes listening sockets, hands them over as sd_listen_fds(3) says, and writes what
it is told on its notification socket, a line a message, to a file.

  manager.py NOTES NAME=ADDRESS:PORT… -- COMMAND…    NAME may be empty, or udp (a datagram socket), or silent (one that does not listen)
Its first line on stdout is the addresses as JSON. SIGUSR1 starts the command again over the same sockets, when it has ended.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading


def make(spec):
    name, _, where = spec.partition("=")
    host, _, port = where.rpartition(":")
    kind = socket.SOCK_DGRAM if name == "udp" else socket.SOCK_STREAM
    sock = socket.socket(socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, int(port)))
    if name not in ("udp", "silent"):
        sock.listen(128)
    return name, sock


def main():
    split = sys.argv.index("--")
    notes, specs, command = sys.argv[1], sys.argv[2:split], sys.argv[split + 1 :]
    sockets = [make(spec) for spec in specs]
    inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    inbox.bind(f"\0whorl-manager-{os.getpid()}")
    print(json.dumps([sock.getsockname()[1] for _, sock in sockets]), flush=True)

    def listen():
        with open(notes, "w", encoding="ascii") as file:
            while True:
                print(inbox.recv(4096).decode().replace("\n", " "), file=file, flush=True)

    threading.Thread(target=listen, daemon=True).start()

    def child():
        for number, (_, sock) in enumerate(sockets):
            os.dup2(sock.fileno(), 100 + number)
        for number in range(len(sockets)):
            os.dup2(100 + number, 3 + number)
            os.close(100 + number)

    def start():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP])
        environment = dict(os.environ, NOTIFY_SOCKET=f"@whorl-manager-{os.getpid()}", WATCHDOG_USEC="1000000")
        environment["LISTEN_FDS"] = str(len(sockets))
        environment["LISTEN_FDNAMES"] = ":".join(name for name, _ in sockets)
        # a shell, because only the process itself knows its number before the command runs
        as_child = ["sh", "-c", 'LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$@"', "sh", *command]
        started = subprocess.Popen(as_child, env=environment, close_fds=False, preexec_fn=child)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP])
        return started

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP])
    running = start()
    while True:
        number = signal.sigtimedwait([signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP], 0.02)
        if number is None:
            if running.poll() not in (None, 0):
                sys.exit(running.returncode)
        elif number.si_signo == signal.SIGUSR1:
            running.wait()
            running = start()
        else:
            running.send_signal(number.si_signo)
            if number.si_signo == signal.SIGTERM:
                sys.exit(running.wait())


if __name__ == "__main__":
    main()
