"""The fields RateLimit-Policy and RateLimit of an answer, as strict as RFC 9651 has it: a list of strings with integer parameters, each
name once, known in both. Reads a header section; says them as JSON {name: {q, w, r, t}}; ends with 1 where anything is wrong."""
import json
import re
import sys

STRING = r'"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"'
INTEGER = r'(?:0|[1-9][0-9]{0,14})'
ITEM = re.compile(rf'({STRING})((?:;[ ]*[a-z*][a-z0-9_.*-]*={INTEGER})*)')


def parse(text):
    """A list (RFC 9651 §4.2.1) of such items."""
    items, at = {}, 0
    while True:
        match = ITEM.match(text, at)
        if match is None:
            raise ValueError(f'not an item at {at} of {text!r}')
        pairs = [pair.strip(' ').split('=') for pair in match.group(2).split(';')[1:]]
        if match.group(1)[1:-1] in items or len({name for name, _ in pairs}) != len(pairs):
            raise ValueError(f'twice: {text!r}')
        items[match.group(1)[1:-1]] = {name: int(value) for name, value in pairs}
        at = match.end()
        if at == len(text):
            return items
        comma = re.compile(r'[ \t]*,[ \t]*(?=.)').match(text, at)
        if comma is None:
            raise ValueError(f'no comma at {at} of {text!r}')
        at = comma.end()


def read(section):
    """Both fields of a header section; {} where neither is there."""
    found = {}
    for line in section.split('\r\n'):
        name, _, value = line.partition(':')
        if name.lower() in ('ratelimit', 'ratelimit-policy'):
            if name.lower() in found:
                raise ValueError(f'{name} stands twice')
            found[name.lower()] = parse(value.strip(' '))
    if not found:
        return {}
    policy, left = found['ratelimit-policy'], found['ratelimit']
    if set(policy) != set(left) or any(set(p) != {'q', 'w'} for p in policy.values()) or any(set(p) != {'r', 't'} for p in left.values()):
        raise ValueError(f'they do not fit: {found}')
    if any(left[name]['r'] > policy[name]['q'] for name in left):
        raise ValueError(f'more left than there was: {found}')
    return {name: {**policy[name], **left[name]} for name in policy}


def self_test():
    assert parse('"a";q=1;w=2, "b";q=0') == {'a': {'q': 1, 'w': 2}, 'b': {'q': 0}}
    for bad in ('', 'a;q=1', '"a";q=1,', '"a";q=01', '"a";Q=1', '"a";q=1;q=2', '"a" ;q=1', '"a";q=-1', '"a";q', '"a";q=1 "b";q=1', '"a", "a"', '"ä"'):
        try:
            parse(bad)
        except ValueError:
            continue
        raise AssertionError(f'taken: {bad}')


if __name__ == '__main__':
    self_test()
    with open(sys.argv[1], encoding='latin-1', newline='') as file:
        print(json.dumps(read(file.read().split('\r\n\r\n')[0])))
