#!/usr/bin/env python3
"""The diagrams of docs/lifecycle.md are those of the code's own tables: device states and actions (fleet/states.c), steps of a certificate
(fleet/certificate_steps.c), the recovery policy (fleet/enrol_decide.c). With --write they are made anew."""

import re
import sys

from common import PART_END, main, part, read, remake, strip_c

PAGE, DEVICES, CERTIFICATES, RECOVERY = "docs/lifecycle.md", "fleet/states.c", "fleet/certificate_steps.c", "fleet/enrol_decide.c"
BEGIN = "<!-- made by tests/lint/lifecycle.py --write: {} -->"
PARTS = "devices", "certificates", "recovery"


def table(root, path, name):
    """The text between the braces of an array, without comments."""
    text = strip_c(read(root, path), keep_strings=True)
    found = re.search(r"\b" + name + r"\[\] = \{(.*?)\n\};", text, re.S)
    return found.group(1) if found else ""


def rows(text):
    """[KEY] = {…}, in order: key and fields, text joined."""
    for key, body in re.findall(r"\[(\w+)\] = \{([^{}]*)\}", text):
        yield key, [field.strip() for field in re.split(r",\s*(?![^\"]*\"(?:[^\"]*\"[^\"]*\")*[^\"]*$)", body.strip().rstrip(","))]


def words(field):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', field))


def states_in(field, prefix):
    return [name.lower() for name in re.findall(prefix + r"_(\w+)", field)]


def arrows(table_rows, read_row):
    """Lines of a diagram; steps between the same two states share an arrow."""
    made = {}
    for key, fields in table_rows:
        name, begins, ends = read_row(key, fields)
        for begin in begins:
            for end in ends or [begin]:
                made.setdefault((begin, end), []).append(name)
    return [f"    {begin} --> {end}: {', '.join(names)}" for (begin, end), names in made.items()]


def device_diagram(root):
    def row(_, fields):
        name, _, begins, ends = fields
        return words(name), states_in(begins, "DEVICE"), states_in(ends, "DEVICE")
    return ["```mermaid", "stateDiagram-v2", "    [*] --> registered: a list, or what admitted it"] + \
        arrows(rows(table(root, DEVICES, "actions")), row) + ["```"]


def certificate_diagram(root):
    def row(_, fields):
        name, begins, end = fields
        return words(name), states_in(begins, "CERTIFICATE") or ["[*]"], states_in(end, "CERTIFICATE")
    return ["```mermaid", "stateDiagram-v2"] + arrows(rows(table(root, CERTIFICATES, "steps")), row) + ["```"]


def recovery_table(root):
    lines = ["| `recovery` | no certificate was ever used | no used one is valid | a used one is valid |", "|---|---|---|---|"]
    for key, fields in rows(table(root, RECOVERY, "recovery_rules")):
        cells = ["passes" if field == "true" else "refused" for field in fields]
        lines.append(f"| `{key.removeprefix('RECOVERY_').lower()}` | " + " | ".join(cells) + " |")
    return lines


def parts(root):
    return dict(zip(PARTS, ("\n".join(make(root)) for make in (device_diagram, certificate_diagram, recovery_table))))


def check(root):
    page = read(root, PAGE)
    return [f"{PAGE}: '{name}' is not what the code's table says: python3 tests/lint/lifecycle.py --write"
            for name, text in parts(root).items() if part(BEGIN.format(name), text) not in page]


def _case(to="FROM(DEVICE_ENROLLED)", step="CERTIFICATE_CONFIRMED", rule="true, false", shown="registered --> enrolled: enrol"):
    page = [["```mermaid", "stateDiagram-v2", "    [*] --> registered: a list, or what admitted it", "    " + shown, "```"],
            ["```mermaid", "stateDiagram-v2", "    [*] --> confirmed: issue, of one", "```"],
            ["| `recovery` | no certificate was ever used | no used one is valid | a used one is valid |", "|---|---|---|---|",
             "| `never` | passes | refused |"]]
    return {DEVICES: 'static const struct row {\n} actions[] = {\n    [ACTION_ENROL] = {"enrol", "an "\n "enrolment", '
                     f'FROM(DEVICE_REGISTERED), {to}}},\n}};\n',
            CERTIFICATES: f'x steps[] = {{\n    /* y */ [STEP_A] = {{"issue, of one", FROM_NOTHING, {step}}},\n}};\n',
            RECOVERY: f"x recovery_rules[] = {{\n    [RECOVERY_NEVER] = {{{rule}}},\n}};\n",
            PAGE: "".join(f"{BEGIN.format(name)}\n" + "\n".join(lines) + f"\n{PART_END}\n" for name, lines in zip(PARTS, page))}


CASES = [
    (_case(), None),
    (_case(to="FROM(DEVICE_REVOKED)"), "'devices' is not"),
    (_case(to="STAYS", shown="registered --> registered: enrol"), None),
    (_case(shown="registered --> enrolled: register"), "'devices' is not"),
    (_case(step="CERTIFICATE_REVOKED"), "'certificates' is not"),
    (_case(rule="true, true"), "'recovery' is not"),
]

if __name__ == "__main__":
    if "--write" in sys.argv:
        remake(PAGE, {BEGIN.format(name): text for name, text in parts(".").items()})
    else:
        main(check, CASES)
