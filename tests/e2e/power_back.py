"""While a fleet comes back: asks for OCSP and a CRL on the public listener, as a broker does, over connections that it keeps, until it is told to
stop; watches the server's memory; then says it all together with what the fleet says.
power_back.py sample PID HOST PORT CRL-PATH OCSP-REQUEST STOP-FILE OUT   |   power_back.py table FLEET.json SAMPLES.json"""
import http.client
import json
import os
import statistics
import sys
import threading
import time

BETWEEN_S = 0.02
SPAN_S = 5


def ask(found, stop, host, port, how):
    """One after the other, a fiftieth of a second between them; an answer that is none is a failure."""
    link = None
    while not os.path.exists(stop):
        began = time.monotonic()
        try:
            link = link or http.client.HTTPConnection(host, port, timeout=30)
            link.request(*how[:2], body=how[2], headers=how[3])
            answer = link.getresponse()
            body = answer.read()
            found['answers' if answer.status == 200 and body else 'failures'].append((time.monotonic() - began) * 1000)
        except OSError:
            found['failures'].append((time.monotonic() - began) * 1000)
            link = None
        time.sleep(BETWEEN_S)


def memory_kb(pid):
    """Anonymous memory: what files of the page cache are mapped says nothing."""
    with open(f'/proc/{pid}/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('RssAnon'))


def sample(pid, host, port, crl_path, ocsp, stop, out):
    with open(ocsp, 'rb') as file:
        request = file.read()
    found = {'ocsp': {'answers': [], 'failures': []}, 'crl': {'answers': [], 'failures': []}}
    kinds = {'ocsp': ('POST', '/ocsp', request, {'Content-Type': 'application/ocsp-request'}), 'crl': ('GET', crl_path, None, {})}
    threads = [threading.Thread(target=ask, args=(found[name], stop, host, int(port), how)) for name, how in kinds.items()]
    for thread in threads:
        thread.start()
    first = most = memory_kb(pid)
    while not os.path.exists(stop):
        most = max(most, memory_kb(pid))
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    with open(out, 'w') as file:
        json.dump({'kinds': found, 'memory_kb': [first, most]}, file)


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def steadiness(fleet):
    """How evenly the server worked while it had all that it could do: deviation by mean of the devices served a second, over each five seconds
    in which always more were asking than were served in the best ones. In the other seconds the devices themselves waited."""
    served, asking = fleet['served_in'], fleet['asking_in']
    spans = [(sum(served[at:at + SPAN_S]) / SPAN_S, min(asking[at:at + SPAN_S])) for at in range(0, len(served) - SPAN_S, SPAN_S)]
    best = max((rate for rate, _ in spans), default=0)
    busy = [rate for rate, asked in spans if asked > best]
    return (statistics.pstdev(busy) / statistics.mean(busy) if len(busy) > 1 and sum(busy) else 0.0), busy


def table(fleet_path, samples_path):
    with open(fleet_path) as file:
        fleet = json.loads(file.read().strip().splitlines()[-1])
    with open(samples_path) as file:
        samples = json.load(file)
    variation, busy = steadiness(fleet)
    rows = [('devices back at once', fleet['devices']), ('served', fleet['served']), ('lost', fleet['lost']),
            ('half of them served after', f'{fleet["median_ms"] / 1000:.1f} s'), ('all of them', f'{fleet["last_ms"] / 1000:.1f} s'),
            ('served a second while it had all that it could do', f'{statistics.mean(busy):.0f} ({min(busy):.0f} … {max(busy):.0f}), {len(busy) * SPAN_S} s' if busy else ''),
            ('variation of that', f'{variation:.2f}'), ('attempts', fleet['attempts']), ('answered 429 or 503', fleet['refused']),
            ('reset, or without an answer', fleet['unreached']), ('most attempts of one device', fleet['most_attempts'])]
    for name in ('ocsp', 'crl'):
        kind = samples['kinds'][name]
        rows += [(f'{name.upper()} meanwhile: answers, failures', f'{len(kind["answers"])}, {len(kind["failures"])}'),
                 (f'{name.upper()} p50, p99, most', ', '.join(f'{share(kind["answers"], part):.1f}' for part in (0.5, 0.99, 1)) + ' ms')]
    rows.append(('memory of the server, before and at most', ', '.join(f'{kb / 1024:.0f} MB' for kb in samples['memory_kb'])))
    for what, value in rows:
        print(f'| {what} | {value} |')
    judged = {'variation': variation, 'failures': sum(len(samples['kinds'][name]['failures']) for name in ('ocsp', 'crl')),
              'ocsp_p99': share(samples['kinds']['ocsp']['answers'], 0.99), 'crl_p99': share(samples['kinds']['crl']['answers'], 0.99),
              'answers': min(len(samples['kinds'][name]['answers']) for name in ('ocsp', 'crl')),
              'memory_mb': samples['memory_kb'][1] // 1024, **{name: fleet[name] for name in ('devices', 'served', 'lost', 'unreached', 'refused')}}
    print(json.dumps(judged))


if __name__ == '__main__':
    {'sample': sample, 'table': table}[sys.argv[1]](*sys.argv[2:])
