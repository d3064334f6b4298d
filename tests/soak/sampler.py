"""A line of figures every few seconds: what a process that runs for months must not let grow, and what grows with its work."""
import csv
import os
import sqlite3
import time

TABLES = ('op', 'challenge_used', 'cmp_transaction', 'webhook_delivery', 'person_session', 'alarm', 'feed', 'audit', 'certificate', 'device')
COLUMNS = ('second', 'life', 'server_anon_kb', 'signer_anon_kb', 'server_rss_kb', 'descriptors', 'signer_descriptors', 'threads', 'wal_bytes', 'journal_bytes',
           'inventory_bytes', 'cpu_ms', 'ok', 'cut', 'refused', 'unexpected', 'late', 'requests', 'p50_ms', 'p99_ms', 'max_ms') + tuple(
               f'rows_{t}' for t in TABLES)


def status(pid, *names):
    found = {}
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        for line in file:
            name, _, value = line.partition(':')
            if name in names:
                found[name] = int(value.split()[0])
    return [found.get(name, 0) for name in names]


def size(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def folder_size(path):
    return sum(size(os.path.join(path, name)) for name in os.listdir(path)) if os.path.isdir(path) else 0


def cpu_ms(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf('SC_CLK_TCK')


def rank(ordered, share):
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) if ordered else ''


class Sampler:
    def __init__(self, place, book, path, rows_every):
        self.place, self.book, self.rows_every = place, book, rows_every
        self.start, self.count = time.monotonic(), 0
        self.file = open(path, 'w', newline='', encoding='ascii')
        self.writer = csv.DictWriter(self.file, COLUMNS)
        self.writer.writeheader()

    def rows(self):
        """Counted over a connection that is closed at once, so that no checkpoint waits for it."""
        with sqlite3.connect(f'file:{self.place.dir}/inventory.db?mode=ro', uri=True, timeout=5) as db:
            counts = {f'rows_{t}': db.execute(f'SELECT COUNT(*) FROM {t}').fetchone()[0] for t in TABLES}
        db.close()
        return counts

    def take(self):
        pid, signer = self.place.process.pid, self.place.signer()
        try:
            anon, rss, threads = status(pid, 'RssAnon', 'VmRSS', 'Threads')
            descriptors, spent = len(os.listdir(f'/proc/{pid}/fd')), cpu_ms(pid)
            signer_anon = status(signer, 'RssAnon')[0] if signer else ''
            signer_descriptors = len(os.listdir(f'/proc/{signer}/fd')) if signer else ''
        except (FileNotFoundError, ProcessLookupError):
            return  # it is away
        totals, window = self.book.totals(), self.book.take_window()
        journal = folder_size(f'{self.place.dir}/journal')
        row = {'second': round(time.monotonic() - self.start, 1), 'life': len(self.place.lives), 'server_anon_kb': anon, 'signer_anon_kb': signer_anon,
               'server_rss_kb': rss, 'descriptors': descriptors, 'signer_descriptors': signer_descriptors, 'threads': threads,
               'wal_bytes': size(f'{self.place.dir}/inventory.db-wal'), 'journal_bytes': journal,
               'inventory_bytes': size(f'{self.place.dir}/inventory.db'), 'cpu_ms': spent, 'ok': totals['ok'], 'cut': totals['cut'],
               'refused': totals['refused'], 'unexpected': totals['unexpected'], 'late': self.book.late, 'requests': len(window),
               'p50_ms': rank(window, 0.5), 'p99_ms': rank(window, 0.99), 'max_ms': rank(window, 1)}
        if self.count % self.rows_every == 0:
            row.update(self.rows())
        self.count += 1
        self.writer.writerow(row)
        self.file.flush()
