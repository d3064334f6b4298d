"""What the load has done and what it was promised: operations by kind and result, latencies, and everything that the server acknowledged."""
import collections
import json
import random
import threading
import time

KEPT_EXAMPLES = 5


class Cut(Exception):
    """The connection ended, or none could be made."""


class Unexpected(Exception):
    """The server answered what it should not have."""


class Book:
    def __init__(self, place, path):
        self.place, self.path = place, path
        self.lock = threading.Lock()
        self.results = collections.defaultdict(collections.Counter)  # kind of work -> ok, cut, refused, skipped, unexpected
        self.examples = collections.defaultdict(list)
        self.window = []    # milliseconds since the last sample
        self.late = 0       # work that could not begin within a second of its time
        self.facts = []     # (kind, key, value): acknowledged, to be asked again
        self.latest = {}    # (kind, key) -> value, of what may be overwritten: the last acknowledged
        self.lost = []
        self.asked_again = 0

    def measured(self, seconds):
        with self.lock:
            self.window.append(seconds * 1000)

    def take_window(self):
        with self.lock:
            taken, self.window = self.window, []
            return sorted(taken)

    def note(self, kind, result, text=''):
        with self.lock:
            self.results[kind][result] += 1
            if text and len(self.examples[(kind, result)]) < KEPT_EXAMPLES:
                self.examples[(kind, result)].append(text[:300])

    def totals(self):
        with self.lock:
            total = collections.Counter()
            for counter in self.results.values():
                total.update(counter)
            return total

    def run(self, kind, action):
        """Does one piece of work. What fails because there was no server, or no signer, at that time is what was to be expected."""
        start = time.monotonic()
        try:
            done = action()
            self.note(kind, 'ok' if done is not False else 'skipped')
        except Cut as error:
            self.note(kind, 'cut' if self.place.was_away(start) else 'unexpected', f'cut: {error}')
        except Unexpected as error:
            excused = self.place.was_away(start) or (str(error).startswith('503') and self.place.was_away(start, 'signer_away'))
            self.note(kind, 'refused' if excused else 'unexpected', str(error))
        except Exception as error:  # a mistake of the soak itself must not pass unseen
            self.note(kind, 'unexpected', f'{type(error).__name__}: {error}')

    def promise(self, kind, key, value=True):
        """The server has said that this is so. It lasts."""
        with self.lock:
            self.facts.append((kind, key, value))
            with open(self.path, 'a', encoding='utf-8') as file:
                print(json.dumps([kind, key, value]), file=file)

    def promise_latest(self, kind, key, value):
        """… until the next is acknowledged; None: nobody knows, an answer was lost."""
        with self.lock:
            self.latest[(kind, key)] = value

    def _is_overtaken(self, fact):
        """What may be overwritten was, since it was read here: the load goes on meanwhile."""
        with self.lock:
            return fact[:2] in self.latest and self.latest[fact[:2]] != fact[2]

    def _is_so(self, ask, fact):
        """Whoever could not ask asks again; what could not be asked in the end is a problem of its own, and not lost."""
        for _ in range(5):
            try:
                return ask(*fact)
            except (Cut, Unexpected) as error:
                reason = error
                time.sleep(1)
        self.place.problems.append(f'{fact[0]} {fact[1]} could not be asked for: {reason}')
        return True

    def ask_again(self, ask, count=None):
        """@param ask (kind, key, value) -> whether it is so; all that was promised, or the latest `count` and as many of all others."""
        with self.lock:
            facts = list(self.facts)
            latest = [(kind, key, value) for (kind, key), value in self.latest.items() if value is not None]
        if count is not None and len(facts) > 2 * count:
            facts = facts[-count:] + random.sample(facts[:-count], count)
            latest = latest[-count:]
        for fact in facts + latest:
            if not self._is_so(ask, fact) and not self._is_overtaken(fact):
                self.lost.append(fact)
        self.asked_again += len(facts) + len(latest)
        return len(facts) + len(latest)
