"""observation.py METRICS DASHBOARD RULES: what the dashboard and the alert rules ask for is what the server prints. METRICS is its /metrics,
read by the parser of Prometheus' own client. Every metric, label and value in a matcher must be there, rates are taken of what counts, and the
label `job` is called as Prometheus renames it. A histogram of a server that has served has counted something; that its buckets add up the parser checks."""

import json
import re
import sys

import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

PROMETHEUS_OWN = {"instance", "job"}  # added when it scrapes
RISING = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
faults = []


class AnyLabel(set):
    """Of a family that is printed without a sample, as nothing of its kind runs: what its labels are cannot be seen."""

    def __contains__(self, label):
        return True


def printed(path):
    """Each sample's name: its type, and the values of each label."""
    samples = {}
    for family in text_string_to_metric_families(open(path, encoding="utf-8").read()):
        if family.type == "histogram" and not sum(s.value for s in family.samples if s.name.endswith("_count")):
            faults.append(f"{family.name} has counted nothing")
        if not family.samples:
            samples[family.name] = (family.type, AnyLabel())
        for sample in family.samples:
            of = samples.setdefault(sample.name, (family.type, {}))
            for label, value in sample.labels.items():
                of[1].setdefault("exported_job" if label == "job" else label, set()).add(value)
    return samples


def matcher(where, name, labels, text):
    label, how, value = re.fullmatch(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*', text).groups()
    if label in PROMETHEUS_OWN:
        return
    if label not in labels:
        faults.append(f"{where}: {name} has no label {label}")
    elif label not in ("status", "route"):  # these two come with the requests
        for one in value.split("|"):
            if one not in labels[label]:
                faults.append(f"{where}: no {name} has {label}{how}{one}")


def judge(where, expr, samples, used):
    grouped = set(re.findall(r"\w+", " ".join(re.findall(r"\b(?:by|on|without) \(([^)]*)\)", expr))))
    known = set(PROMETHEUS_OWN)
    names = re.findall(r"\b((?:whorl|process)_\w+)(?:\{([^}]*)\})?", expr)
    if not names and not re.fullmatch(r'up\{job="whorl"\} == 0', expr):
        faults.append(f"{where}: asks for nothing of Whorl")
    for name, matchers in names:
        if name not in samples:
            faults.append(f"{where}: {name} is not printed")
            continue
        used.add(name)
        kind, labels = samples[name]
        any_label = isinstance(labels, AnyLabel)
        known = labels if any_label else known if isinstance(known, AnyLabel) else known | set(labels)
        for text in [] if any_label else filter(None, matchers.split(",")):
            matcher(where, name, labels, text)
        rising = re.search(r"\b(?:rate|increase)\(" + name + r"\b", expr) is not None
        if rising != name.endswith(RISING.get(kind, ("/",))):
            faults.append(f"{where}: {name} is a {kind}, " + ("no rate of it" if rising else "a rate of it is wanted"))
    for label in (label for label in grouped if label not in known):
        faults.append(f"{where}: nothing has the label {label}")
    return known


def judge_text(where, text, known):
    for label in re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", text):
        if label not in known:
            faults.append(f"{where}: a text speaks of the label {label}")


def judge_dashboard(path, samples, used):
    board = json.load(open(path, encoding="utf-8"))
    taken, ids = {}, set()
    for panel in board["panels"]:
        where = f"{path}: {panel['title']}"
        if panel["id"] in ids:
            faults.append(f"{where}: its id is another's too")
        ids.add(panel["id"])
        at = panel["gridPos"]
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if cell in taken or cell[0] >= 24:
                faults.append(f"{where}: lies over {taken.get(cell, 'the edge')}")
                break
            taken[cell] = panel["title"]
        if (panel["type"] == "row") != (not panel.get("targets")):
            faults.append(f"{where}: shows nothing")
        for target in panel.get("targets", []):
            if target["datasource"]["uid"] != "${datasource}":
                faults.append(f"{where}: its data source is one installation's")
            known = judge(where, target["expr"], samples, used)
            judge_text(where, target["legendFormat"], known)
    for note in board["annotations"]["list"]:
        judge(f"{path}: {note['name']}", note["expr"], samples, used)
    for variable in board["templating"]["list"]:
        for name, label in re.findall(r"label_values\((\w+), (\w+)\)", variable.get("definition", "")):
            if name not in samples or label not in PROMETHEUS_OWN | set(samples[name][1]):
                faults.append(f"{path}: the variable {variable['name']} asks for {name}, {label}")
    return sum(len(panel.get("targets", [])) for panel in board["panels"])


def judge_rules(path, samples, used):
    count = 0
    for group in yaml.safe_load(open(path, encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            count += 1
            where = f"{path}: {rule['alert']}"
            known = judge(where, rule["expr"], samples, used)
            if rule["labels"]["severity"] not in ("warning", "critical"):
                faults.append(f"{where}: its severity is none of ours")
            for word in ("summary", "description"):
                judge_text(where, rule["annotations"][word], known)
    return count


def main():
    samples, used = printed(sys.argv[1]), set()
    panels, rules = judge_dashboard(sys.argv[2], samples, used), judge_rules(sys.argv[3], samples, used)
    unseen = {n for n, (kind, _) in samples.items() if kind != "histogram" and not n.endswith("_created")} - used
    faults.extend(f"{name} is on no panel and in no rule" for name in sorted(unseen))
    for fault in faults:
        print(fault)
    print(f"{len(samples)} kinds of samples, {panels} queries of the dashboard, {rules} rules")
    sys.exit(1 if faults else 0)


main()
