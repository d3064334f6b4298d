#!/usr/bin/env python3
"""Holds the one-way layers and the walls of foreign headers, by reading #include lines. tests/ may include all; nobody tests/."""

import re

from common import main, project_files, read, strip_c

# A layer may include itself and lower ranks; two layers of one rank do not know each other.
RANKS = {"base": 0, "db": 1, "pki": 1, "firmware_store": 1, "outbound": 1, "fleet": 2, "api": 3, "server": 4, "cmd": 9}
# The device's end: which of the project's folders each part may include.
DEVICE = {
    "device/core": ("device/core/",),
    "device/host": ("device/core/", "device/host/", "base/"),
    "device/sim": ("device/core/", "device/host/", "device/sim/", "base/"),
}
# Foreign headers, and the only files that may see them.
WALLS = [
    (r"microhttpd\.h", r"server/[^/]+\.c"),
    (r"uv\.h|uv/.*", r"server/.*"),
    (r"sqlite3\.h|libpq-fe\.h", r"db/.*"),
    (r"curl/.*", r"outbound/.*|cmd/whorl(\.c|/.*)"),
    (r"openssl/.*", r"pki/.*|server/tls[^/]*\.c|server/tls_internal\.h|device/host/.*|base/(hash|random)\.c"),
    (r"sys/(socket|epoll|un)\.h|netinet/.*", r"(server|outbound|cmd|device/host)/.*|pki/signer_(process|stream|nursery)\.c"),
    (r"cjose/.*", r"pki/jwt_internal\.h"),
    (r"jansson\.h", r"base/json\.h"),
    (r"argon2\.h", r"pki/password_hash\.c"),
    (r"liboath/.*", r"pki/totp\.c"),
    (r"cbor\.h|cbor/.*", r"pki/.*"),
    (r"libconfig\.h", r"firmware_store/.*"),
    (r"p11-kit/.*", r"pki/pkcs11[^/]*\.[ch]"),
    (r"sqfs/.*", r"firmware_store/.*"),
    (r"ini\.h", r"cmd/whorld/config\.c"),
]
# What a freestanding C99 compiler brings along, and the memory functions that it needs anyway.
FREESTANDING = {"float.h", "iso646.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def layer_of(path):
    return next((part for part in DEVICE if path.startswith(part + "/")), path.split("/")[0])


def own_fault(path, target):
    """Why `path` may not include the project's `target`; None when it may."""
    layer = layer_of(path)
    if target.startswith("tests/"):
        return "tests/ is included by tests only"
    if layer in DEVICE:
        return None if target.startswith(DEVICE[layer]) else f"{layer} may include {' '.join(DEVICE[layer])} only"
    other = layer_of(target)
    if layer == "cmd":
        return None
    if other not in RANKS:
        return f"{layer} does not know {other}"
    if other != layer and RANKS[other] >= RANKS[layer]:
        return f"{layer} is not above {other}"
    return None


def foreign_fault(path, target):
    for header, allowed in WALLS:
        if re.fullmatch(header, target) and not re.fullmatch(allowed, path):
            return f"its wall is {allowed}"
    if path.startswith("device/core/") and target not in FREESTANDING:
        return "device/core is freestanding"
    return None


def check(root):
    findings = []
    seen_microhttpd = []
    for path in project_files(root, ".c", ".h"):
        if path.startswith("tests/"):
            continue
        if layer_of(path) not in RANKS and layer_of(path) not in DEVICE:
            findings.append(f"{path}: in no layer")
            continue
        for kind, target in INCLUDE.findall(strip_c(read(root, path), keep_strings=True)):
            fault = own_fault(path, target) if kind == '"' else foreign_fault(path, target)
            if kind == '"' and "/" not in target:
                fault = "write the path from the root of the tree"
            if fault:
                findings.append(f"{path}: includes {target}: {fault}")
            if target == "microhttpd.h":
                seen_microhttpd.append(path)
    if len(seen_microhttpd) > 1:
        findings.append("microhttpd.h in more than one file: " + " ".join(seen_microhttpd))
    return findings


CASES = [
    ({"fleet/a.c": '#include "db/db.h"\n#include "pki/pki.h"\n#include <string.h>\n'}, None),
    ({"db/a.c": '#include "fleet/fleet.h"\n'}, "db is not above fleet"),
    ({"db/a.c": '#include "pki/pki.h"\n'}, "db is not above pki"),
    ({"api/a.h": '#  include "server/server.h"\n'}, "api is not above server"),
    ({"api/a.c": "#include <microhttpd.h>\n"}, "its wall"),
    ({"server/a.h": "#include <microhttpd.h>\n"}, "its wall"),
    ({"server/a.c": "#include <microhttpd.h>\n", "server/b.c": "#include <microhttpd.h>\n"}, "more than one file"),
    ({"server/http.c": "#include <openssl/ssl.h>\n"}, "its wall"),
    ({"server/tls_peer.c": "#include <openssl/ssl.h>\n"}, None),
    ({"base/hash.c": "#include <openssl/evp.h>\n", "base/log.c": "#include <openssl/evp.h>\n"}, "base/log.c"),
    ({"fleet/a.c": "#include <sqlite3.h>\n"}, "its wall"),
    ({"api/a.c": "#include <jansson.h>\n"}, "its wall"),
    ({"fleet/a.c": "#include <cjose/cjose.h>\n"}, "its wall"),
    ({"fleet/a.c": "#include <netinet/in.h>\n"}, "its wall"),
    ({"fleet/a.c": "#include <curl/curl.h>\n", "outbound/a.h": "#include <curl/curl.h>\n"}, "fleet/a.c"),
    ({"fleet/a.c": "#include <uv.h>\n"}, "its wall"),
    ({"pki/a.c": "#include <argon2.h>\n"}, "its wall"),
    ({"fleet/a.c": "#include <liboath/oath.h>\n"}, "its wall"),
    ({"device/core/a.c": "#include <stdio.h>\n"}, "freestanding"),
    ({"device/core/a.c": '#include "base/err.h"\n'}, "device/core/ only"),
    ({"base/a.c": '#include "tests/fuzz/fuzz.h"\n'}, "tests only"),
    ({"server/a.c": '#include "device/core/kdf.h"\n'}, "does not know device/core"),
    ({"base/a.c": '#include "err.h"\n'}, "from the root"),
    ({"base/a.c": '/* #include "db/db.h" */\n'}, None),
    ({"helpers/a.c": "int x;\n"}, "in no layer"),
]

if __name__ == "__main__":
    main(check, CASES)
