#!/usr/bin/env python3
"""Judges a soak by what it wrote: `judge.py FOLDER` prints the verdict, `judge.py FOLDER --markdown` the section of docs/measurements.md, and
`judge.py FOLDER --page docs/measurements.md` puts it there in place of the one before.

A series is flat at the end when the line of least squares through its last third rises by no more than its tolerance, and the most of the last
third exceeds the most of the middle third by no more than that: bounded caches take half an hour to fill at this rate. What it was at the
beginning of the judged life, two thirds long, is shown beside it. Below SHORT_S the caches of the server are still filling: memory
has FILLING_KB more there, enough to try the soak and to see a leak on purpose, not to prove that there is none. A process that was started again begins anew, so the whole
window must lie within one life of the server; the signer is killed again and again, so of it every life is short, and its memory is judged by
the most of each third alone."""
import csv
import json
import os
import sys

MIB = 1024 * 1024
SHORT_S, FILLING_KB = 1200, 24 * 1024
BEGIN, END = '<!-- soak: made by judge.py -->\n', '<!-- soak: end -->\n'
PACE_SHARE = 0.1  # by how much the rate may differ between the thirds
# column, what it is, unit, per unit, tolerance (share of its middle, and at least so much), is a line put through it
SERIES = (
    ('server_anon_kb', 'anonymous memory of the server', 'MiB', 1024, 0.08, 4 * 1024, True),
    ('signer_anon_kb', 'anonymous memory of the signer', 'MiB', 1024, 0.10, 2 * 1024, False),
    ('descriptors', 'descriptors of the server', '', 1, 0.10, 12, True),
    ('signer_descriptors', 'descriptors of the signer', '', 1, 0, 2, False),
    ('threads', 'threads of the server', '', 1, 0, 4, True),
    ('wal_bytes', 'write-ahead log', 'MiB', MIB, 0, 16 * MIB, True),  # one that is never reset grows by ten times that
)
GROWING = (('inventory_bytes', 'inventory', 'MiB', MIB), ('journal_bytes', 'journal', 'MiB', MIB), ('rows_audit', 'audit records', '', 1),
           ('rows_certificate', 'certificates', '', 1), ('rows_device', 'devices', '', 1), ('rows_op', 'results kept for repeated requests', '', 1),
           ('rows_challenge_used', 'nonces that were used', '', 1), ('rows_cmp_transaction', 'CMP transactions', '', 1),
           ('rows_webhook_delivery', 'deliveries of webhooks, those that ended too', '', 1), ('rows_person_session', 'sessions of people', '', 1))


def numbers(rows, column):
    return [(float(r['second']), float(r[column])) for r in rows if r[column] != '']


def rise(points):
    """How far the line of least squares goes up from the first to the last."""
    n = len(points)
    middle_x, middle_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0
    return slope * (points[-1][0] - points[0][0]), middle_y


def judge_series(rows, end):
    """@return a line for each: (what, unit, its first value, mean and rise of the last third, most of the middle third, most of the last, tolerance, is it flat)"""
    lines = []
    for column, what, unit, per, share, least, is_line in SERIES:
        points = [p for p in numbers(rows, column) if p[0] >= end / 3]
        middle = [y for x, y in points if x < end * 2 / 3]
        last = [y for x, y in points if x >= end * 2 / 3]
        if len(middle) < 5 or len(last) < 5:
            lines.append((what, unit, None, None, None, None, None, None, False))
            continue
        up, mean = rise([p for p in points if p[0] >= end * 2 / 3])
        tolerance = max(mean * share, least) + (FILLING_KB if end < SHORT_S and column == 'server_anon_kb' else 0)
        is_flat = max(last) - max(middle) <= tolerance and (not is_line or up <= tolerance)
        lines.append((what, unit, points[0][1] / per, mean / per, up / per if is_line else None, max(middle) / per, max(last) / per, tolerance / per, is_flat))
    return lines


def paces_of(rows, end):
    """Pieces of work that came to their end, a second, in each third: the schedule is open, so it is its own rate unless work piles up."""
    done = [(float(r['second']), sum(int(r[c]) for c in ('ok', 'cut', 'refused', 'unexpected'))) for r in rows]
    found = []
    for third, name in enumerate(('first third', 'middle third', 'last third')):
        part = [d for d in done if end * third / 3 <= d[0] <= end * (third + 1) / 3]
        found.append((name, (part[-1][1] - part[0][1]) / max(1.0, part[-1][0] - part[0][0])))
    return found


def problems_of(rows, told, end):
    found = list(told['problems'])
    lives = {r['life'] for r in rows if float(r['second']) >= end / 3}
    if len(lives) != 1:
        found.append(f'the judged time lies in {len(lives)} lives of the server')
    if told['results'].get('unexpected', 0):
        found.append(f'{told["results"]["unexpected"]} unexpected answers or ends')
    if told['lost']:
        found.append(f'{len(told["lost"])} acknowledged things are lost: {told["lost"][:3]}')
    if told['untold']:
        found.append(f'{told["untold"]} revocations never came to the webhook')
    paces = [pace for _, pace in paces_of(rows, end)][1:]  # the first third has the stops
    if min(paces) < max(paces) * (1 - PACE_SHARE):
        found.append(f'the rate was not steady: {", ".join(f"{pace:.2f}" for pace in paces)} pieces of work a second in the middle and the last third')
    idle = sorted(kind for kind, counts in told['kinds'].items() if not counts.get('ok'))
    if idle:
        found.append(f'never done with success: {", ".join(idle)}')
    return found


def figure(value, unit):
    if value is None:
        return ''
    return f'{value:,.1f} {unit}'.strip() if unit else f'{value:,.0f}'


def table(head, lines, markdown):
    rows = [[str(c) for c in r] for r in [head, *lines]]
    if markdown:
        out = ['| ' + ' | '.join(r) + ' |' for r in rows]
        out.insert(1, '|' + '---|' * len(head))
        return '\n'.join(out)
    widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
    return '\n'.join('  '.join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in rows)


def load(folder):
    with open(os.path.join(folder, 'samples.csv'), newline='', encoding='ascii') as file:
        rows = list(csv.DictReader(file))
    with open(os.path.join(folder, 'result.json'), encoding='utf-8') as file:
        return rows, json.load(file)


def growth(rows):
    lines = []
    for column, what, unit, per in GROWING:
        points = numbers(rows, column)
        if points:
            lines.append((what, figure(points[0][1] / per, unit), figure(points[-1][1] / per, unit)))
    return lines


def latencies(rows, end):
    lines, paces = [], dict(paces_of(rows, end))
    for name, low, high in (('first third', 0, 1), ('middle third', 1, 2), ('last third', 2, 3)):
        part = [r for r in rows if end * low / 3 <= float(r['second']) <= end * high / 3 and r['p50_ms'] != '']
        if part:
            seen = [sorted(float(r[c]) for r in part) for c in ('p50_ms', 'p99_ms')]
            spent = sum(int(r['requests']) for r in part)
            lines.append((name, f'{paces[name]:.2f}', spent, f'{seen[0][len(part) // 2]:.1f} ms', f'{seen[1][len(part) // 2]:.1f} ms', f'{max(float(r["max_ms"]) for r in part):.0f} ms'))
    return lines


def report(folder, markdown=False):
    """@return the text, and whether the soak was passed"""
    rows, told = load(folder)
    end = float(rows[-1]['second'])
    series = judge_series(rows, end)
    found = problems_of(rows, told, end)
    found += [f'not flat: {line[0]}' if line[2] is not None else f'too few samples: {line[0]}' for line in series if not line[-1]]
    results = told['results']
    parts = []
    if markdown:
        parts.append(f'`{told["command"]}` on {told["date"]}, version {told["version"]}: {told["machine"]}. '
                     f'{end / 60:.0f} minutes, {results.get("ok", 0):,} pieces of work, {sum(int(r["requests"]) for r in rows):,} requests over HTTP timed.')
    parts.append(table(('flat at the end', 'first', 'mean', 'rise of the line', 'most, middle third', 'most, last third', 'tolerance', ''),
                       [(w, figure(first, u), figure(m, u), figure(up, u), figure(a, u), figure(b, u), figure(t, u), 'flat' if ok else 'NOT FLAT')
                        for w, u, first, m, up, a, b, t, ok in series], markdown))
    parts.append(table(('what grows with the work', 'at the start', 'at the end'), growth(rows), markdown))
    parts.append(table(('faults', 'times'), sorted(told['faults'].items()), markdown))
    parts.append(table(('answers', 'work a second', 'timed requests', 'p50', 'p99', 'longest'), latencies(rows, end), markdown))
    parts.append(table(('work', 'ok', 'cut by a fault', 'refused in a fault', 'unexpected'), [
        (kind, c.get('ok', 0), c.get('cut', 0), c.get('refused', 0), c.get('unexpected', 0)) for kind, c in sorted(told['kinds'].items())], markdown))
    parts.append(f'Acknowledged: {told["acknowledged"]:,} facts, {told["asked_again"]:,} times asked again (after each start, and all of them at the end), '
                 f'{len(told["lost"])} lost. Graceful stops: {", ".join(f"{s:.2f} s" for s in told["stops"])}. '
                 f'{told["late"]:,} pieces of work began more than a second after their time, which the machine had no room for. '
                 f'Webhook: {told["webhook_calls"]} calls, {told["webhook_failures"]} of them failed on purpose. {" ".join(told["checks"])}')
    parts.append('The soak is passed.' if not found else 'NOT PASSED:\n' + '\n'.join(f'* {f}' for f in found))
    return '\n\n'.join(parts), not found


def put(page, text):
    with open(page, encoding='utf-8') as file:
        before, _, rest = file.read().partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        sys.exit(f'{page} has no place for it: {BEGIN.strip()} … {END.strip()}')
    with open(page, 'w', encoding='utf-8') as file:
        file.write(f'{before}{BEGIN}\n{text}\n\n{END}{after}')


if __name__ == '__main__':
    text, is_good = report(sys.argv[1], '--markdown' in sys.argv or '--page' in sys.argv)
    if '--page' in sys.argv:
        put(sys.argv[sys.argv.index('--page') + 1], text)
    else:
        print(text)
    sys.exit(0 if is_good else 1)
