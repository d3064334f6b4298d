"""The table at the end of a run: what was done, how often, what had been acknowledged, what was asked again, what is lost."""

import json
import os

COLUMNS = ("fault", "times", "acknowledged", "asked", "lost")


class Table:
    """Rows by fault; and of each control, how many of its cuts noticed that the promise was broken."""

    def __init__(self):
        self.rows, self.controls = {}, {}

    def add(self, fault, acknowledged, asked, lost):
        row = self.rows.setdefault(fault, dict.fromkeys(COLUMNS[1:], 0))
        for name, value in (("times", 1), ("acknowledged", acknowledged), ("asked", asked), ("lost", int(lost))):
            row[name] += value

    def lines(self):
        return [dict(fault=fault, **self.rows[fault]) for fault in sorted(self.rows)]

    def total(self):
        return {name: sum(row[name] for row in self.rows.values()) for name in COLUMNS[1:]}

    def show(self):
        lines = [*self.lines(), dict(fault="all", **self.total())] if self.rows else []
        width = max([len(line["fault"]) for line in lines] or [0])
        if lines:
            print(f"{'fault':{width}} | times | acknowledged | asked again | lost")
        for line in lines:
            print(f"{line['fault']:{width}} | {line['times']:5} | {line['acknowledged']:12} | {line['asked']:11} | {line['lost']:4}")

        for name, (times, noticed) in self.controls.items():
            print(f"control {name}: a broken promise was noticed by {noticed} of {times} cuts")

    def write(self, path):
        """As JSON, behind what is there: several runs make one table."""
        before = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                before = json.load(file)
        with open(path, "w", encoding="utf-8") as file:
            controls = [{"fault": "control: " + name, "times": times, "noticed": noticed, "lost": 0} for name, (times, noticed) in self.controls.items()]
            json.dump(before + self.lines() + controls, file, indent=1)
            file.write("\n")
