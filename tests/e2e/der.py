"""DER by hand, for messages that no library would make."""


def tlv(tag, value):
    n = len(value)
    if n < 128:
        return bytes([tag, n]) + value
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + value


def children(der):
    """The values inside a constructed one, each with its header."""
    def header(at):
        first = der[at + 1]
        return (at + 2, first) if first < 128 else (at + 2 + (first & 127), int.from_bytes(der[at + 2:at + 2 + (first & 127)], "big"))
    at, size = header(0)
    end = at + size
    found = []
    while at < end:
        start, size = header(at)
        found.append(der[at:start + size])
        at = start + size
    return found


def inside(der):
    return der[2 + (der[1] & 127 if der[1] >= 128 else 0):]
