"""The server under the soak: its directory, its process and its ends. Whoever asks may learn when it was away, and when its signer was."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

BUILD = os.path.abspath(os.environ.get('BUILD', 'build'))
WHORLD, WHORL, TOOL = f'{BUILD}/whorld', f'{BUILD}/whorl', f'{BUILD}/whorl-device'
READY_SECONDS = 60
STOP_SECONDS = 5  # what a graceful stop may take


def free_port():
    """One below those that the kernel gives to clients: a restarted server finds it free again."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        with socket.socket() as s:
            try:
                s.bind(('127.0.0.1', port))
                return port
            except OSError:
                continue
    raise RuntimeError('no free port')


class Place:
    """A whorld on a directory of its own, on ports that stay when it is started again."""

    def __init__(self, work, leak=None):
        self.dir = os.path.join(work, 'data')
        self.log_path = os.path.join(work, 'server.log')
        self.process, self.leak = None, leak
        self.lock = threading.Lock()
        self.away = []         # [from, to] on the monotonic clock: no server; the last one may be open (to is None)
        self.signer_away = []  # the same, of the signer process
        self.lives = []        # when each server was ready
        self.stops = []        # seconds that each graceful stop took
        self.problems = []     # what is wrong whatever the load says
        self._init()

    def _init(self):
        public = free_port()
        subprocess.run([WHORLD, 'init', '--dir', self.dir, '--host', 'localhost', '--host', '127.0.0.1', '--public-url', f'http://127.0.0.1:{public}'],
                       check=True, stdout=subprocess.DEVNULL)
        self.token = open(f'{self.dir}/admin.token', encoding='ascii').read().strip()
        self.ca = f'{self.dir}/ca.pem'
        with open(f'{self.dir}/whorl.conf', 'a', encoding='ascii') as conf:
            conf.write(f'public_listen = 127.0.0.1:{public}\nworkers = 16\noutbound_allow = 127.0.0.0/8\noutbound_allow_http = 1\n')
        self.ports = {'device': 0, 'management': 0, 'public': public}

    def start(self):
        env = dict(os.environ, WHORL_DEVICE_LISTEN=f'127.0.0.1:{self.ports["device"]}', WHORL_MANAGEMENT_LISTEN=f'127.0.0.1:{self.ports["management"]}')
        if self.leak:
            env['LD_PRELOAD'] = self.leak
        with open(self.log_path, 'a', encoding='utf-8') as log:
            self.process = subprocess.Popen([WHORLD, 'serve', '--dir', self.dir], stdout=subprocess.PIPE, stderr=log, env=env, text=True)
        line = self.process.stdout.readline()
        if '"ready"' not in line:
            raise RuntimeError(f'the server ended at its start: see {self.log_path}')
        ready = json.loads(line)
        for name in self.ports:
            self.ports[name] = int(ready[name].rpartition(':')[2])
        with self.lock:
            self.lives.append(time.monotonic())
            if self.away:
                self.away[-1][1] = time.monotonic()

    def _leaves(self):
        with self.lock:
            self.away.append([time.monotonic(), None])

    def stop(self):
        """A graceful stop; its length and its exit code are judged."""
        self._leaves()
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        took = time.monotonic() - start
        self.stops.append(took)
        if code != 0 or took > STOP_SECONDS:
            self.problems.append(f'a stop ended with {code} after {took:.1f} s')

    def kill(self):
        self._leaves()
        self.process.kill()
        self.process.wait()

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def signer(self):
        """The process id of the signer, None while there is none."""
        found = subprocess.run(['pgrep', '-P', str(self.process.pid), '-x', 'whorl-signer'], capture_output=True, text=True, check=False).stdout.split()
        return int(found[0]) if found else None

    def kill_signer(self):
        pid = self.signer()
        if pid is None:
            return False
        with self.lock:
            self.signer_away.append([time.monotonic(), None])
        os.kill(pid, signal.SIGKILL)
        for _ in range(200):
            if self.signer() not in (None, pid):
                break
            time.sleep(0.05)
        else:
            self.problems.append('no other signer process within ten seconds')
        with self.lock:
            self.signer_away[-1][1] = time.monotonic() + 2  # it has to open its keys
        return True

    def was_away(self, start, which='away'):
        """Whether there was no server (no signer) at some moment between `start` and now."""
        with self.lock:
            return any(to is None or to + 1 > start for _, to in getattr(self, which))

    def tool(self, *arguments):
        """@return what one of whorld's own commands says of the directory; a failure is a problem of the run."""
        done = subprocess.run([WHORLD, *arguments], capture_output=True, text=True, check=False)
        text = (done.stdout + done.stderr).strip()
        if done.returncode != 0:
            self.problems.append(f'whorld {arguments[0]}: exit {done.returncode}: {text[-300:]}')
        return text
