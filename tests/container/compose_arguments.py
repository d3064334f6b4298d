#!/usr/bin/env python3
"""What `docker compose` would give `run` for a service of deploy/compose.yaml, for podman, which has no compose of its own here: one argument a
line. compose_arguments.py SERVICE ENVIRONMENT-FILE SECRETS-FOLDER VOLUME. Ports are left out: the test uses the host's network. Whatever this does
not know is an error, so that nothing of the file goes untested."""

import re
import sys

import yaml

KNOWN = {"build", "image", "read_only", "cap_drop", "security_opt", "volumes", "secrets", "restart", "network_mode", "command", "depends_on",
         "ulimits", "ports", "stop_grace_period"}


def expand(text, values):
    """${NAME:?message}"""

    def value(match):
        if not values.get(match.group(1)):
            sys.exit(f"{match.group(1)}: {match.group(2)}")
        return values[match.group(1)]

    return re.sub(r"\$\{(\w+):\?([^}]*)\}", value, text)


def arguments(service, values, secrets, volume):
    unknown = set(service) - KNOWN
    if unknown:
        sys.exit(f"compose.yaml has what this test does not know: {unknown}")
    out = ["--network", service.get("network_mode", "host"), "--security-opt", "no-new-privileges"]
    out += ["--read-only"] if service["read_only"] else []
    for name in service["cap_drop"]:
        out += ["--cap-drop", name.lower()]
    for name, limit in service.get("ulimits", {}).items():
        out += ["--ulimit", f"{name}={min(limit, 20000)}:{min(limit, 20000)}"]
    for mount in service["volumes"]:
        out += ["-v", f"{volume}:{mount.split(':')[1]}"]
    for name in service["secrets"]:
        out += ["-v", f"{secrets}/{name}:/run/secrets/{name}:ro"]
    return [*out, f"localhost/{service['image']}", *(expand(word, values) for word in service.get("command", []))]


def main():
    name, environment, secrets, volume = sys.argv[1:]
    with open("deploy/compose.yaml", encoding="utf-8") as file:
        made = yaml.safe_load(file)
    with open(environment, encoding="utf-8") as file:
        values = dict(re.findall(r"^(\w+)=(.*)$", file.read(), re.M))
    print("\n".join(arguments(made["services"][name], values, secrets, volume)))


if __name__ == "__main__":
    main()
