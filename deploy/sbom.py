#!/usr/bin/env python3
"""The bill of materials of an image (CycloneDX 1.6, JSON) from what is really in it: the status file of its dpkg, and our own version.

  sbom.py STATUS OS-RELEASE VERSION [PROGRAM-PACKAGES]    to stdout

PROGRAM-PACKAGES lists the packages that our programs' libraries come from, one a line: what Whorl itself depends on. The same input gives
the same bytes: the time is SOURCE_DATE_EPOCH, the serial number a name of the content.
"""

import datetime
import json
import os
import re
import sys
import uuid
from urllib.parse import quote

NAMESPACE = uuid.UUID("6f0ed1a1-5d0c-4f0e-9d6a-7a0e33d2c0b7")


def stanzas(text):
    """The fields of each package of a dpkg status file; continued lines are joined."""
    for block in re.split(r"\n\s*\n", text):
        fields, last = {}, None
        for line in block.split("\n"):
            if line[:1] in (" ", "\t"):
                if last:
                    fields[last] += "\n" + line.strip()
            elif ":" in line:
                last, _, value = line.partition(":")
                fields[last] = value.strip()
        if fields:
            yield fields


def is_installed(fields):
    return fields.get("Status", "").endswith(" installed")


def release(text):
    """ID and VERSION_ID of os-release."""
    values = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
    return values.get("ID", "debian").strip('"'), values.get("VERSION_ID", "").strip('"')


def purl(fields, distro):
    name, version, arch = fields["Package"], fields["Version"], fields["Architecture"]
    system, number = distro
    return f"pkg:deb/{system}/{quote(name, safe='')}@{quote(version, safe='')}?arch={arch}&distro={system}-{number}"


def names_of(dependency_field):
    """The names in a Depends field, every alternative of each."""
    for group in dependency_field.split(","):
        for choice in group.split("|"):
            name = re.split(r"[\s(:]", choice.strip(), maxsplit=1)[0]
            if name:
                yield name


def graph(packages, refs, direct, distro):
    """Who depends on whom: by package names, and by what packages say that they provide."""
    providers = {}
    for fields in packages:
        providers.setdefault(fields["Package"], set()).add(refs[fields["Package"]])
        for name in names_of(fields.get("Provides", "")):
            providers.setdefault(name, set()).add(refs[fields["Package"]])
    edges = [{"ref": "whorl", "dependsOn": sorted(refs[name] for name in direct if name in refs)}]
    for fields in packages:
        wanted = set()
        for field in ("Depends", "Pre-Depends"):
            for name in names_of(fields.get(field, "")):
                wanted |= providers.get(name, set())
        own = purl(fields, distro)
        wanted.discard(own)
        edges.append({"ref": own, "dependsOn": sorted(wanted)})
    return edges


def bill(status, os_release, version, direct):
    distro = release(os_release)
    packages = sorted((f for f in stanzas(status) if is_installed(f)), key=lambda f: (f["Package"], f["Architecture"]))
    refs = {fields["Package"]: purl(fields, distro) for fields in packages}
    components = []
    for fields in packages:
        reference = purl(fields, distro)
        component = {"type": "library", "bom-ref": reference, "name": fields["Package"], "version": fields["Version"], "purl": reference}
        if fields.get("Maintainer"):
            component["supplier"] = {"name": fields["Maintainer"]}
        source = fields.get("Source", fields["Package"])
        component["properties"] = [{"name": "debian:source", "value": source}]
        components.append(component)
    system = {"type": "operating-system", "bom-ref": "os", "name": distro[0], "version": distro[1]}
    edges = graph(packages, refs, direct, distro)
    edges[0]["dependsOn"].append("os")
    content = json.dumps([components, edges, version], sort_keys=True)
    when = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, content)}",
        "version": 1,
        "metadata": {
            "timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": "whorl",
                "name": "whorl",
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "purl": f"pkg:generic/whorl@{version}",
            },
        },
        "components": [system, *components],
        "dependencies": edges,
    }


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    texts = []
    for path in [*sys.argv[1:3], *sys.argv[4:]]:
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    direct = texts[2].split() if len(texts) > 2 else []
    print(json.dumps(bill(texts[0], texts[1], sys.argv[3], direct), indent=1))


if __name__ == "__main__":
    main()
