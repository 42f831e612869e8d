"""Writes results/summary.md from the CSV files of the paper's experiments and controls that lie beside it.

python docs/make_summary.py
"""

import csv
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).parent / "results"
VARIED = re.compile(r"^MED, |, [\d,]+ steps$")  # what stands around it in a label
NAMES = {"chi18": "CHI-18", "nyc16": "NYC-16", "toys": "Toys", "ml-1m": "ML-1M"}
METRICS = ("HR@1", "HR@5", "HR@10", "NDCG@5", "NDCG@10", "MRR")
# Column, and the rows that stand in it: what is trained, at equal steps or at equal time.
CONTROLS = {
    "mimicry": ("mimicry", "equal steps"),
    "cross-entropy only": ("networks, cross-entropy only", "equal steps"),
    "mean of as many trained apart": ("independent networks", "equal steps"),
    "one network": ("one network", "equal steps"),
    "trained apart, equal time": ("independent networks", "equal time"),
    "one network, equal time": ("one network", "equal time"),
}
PROTOCOLS = {
    "strict": "Among 99 distinct elements (`strict`)",
    "full": "Among all elements (`full`)",
    "paper": "Under the paper's protocol (`paper`)",
}
HEAD = """# Does mutual exclusivity pay? At a glance

Made by `python docs/make_summary.py` from the CSV files in this folder; the tables behind the links have the other
metrics, the commands and what numbers depend on.

A cell is the difference of MRR to MED **in thousandths**, [its 95 % interval]; above 0 the control is better than MED.
With several seeds intervals are over generators and seeds, and `*` stands where one leaves out 0. With one seed they
are over generators alone and nothing is marked: another training moves MRR by 2 to 6 thousandths on CHI-18, so a single
seed says little of anything smaller. No interval is corrected for how many there are.
"""
OF_MIMICRY = f"""
## Mimicry against MED, first peers (Table 3)

Thousandths of each metric; below 0 MED is better.

| | seeds | protocol | {" | ".join(METRICS)} |
|---|---:|---|{"---:|" * len(METRICS)}
"""
OF_THE_LOSS = """
## Variants and settings of the loss

Differences of MRR to the default in thousandths, from the lowest to the highest of so many variants, and with several
seeds those whose interval leaves out 0. "Clear in any metric" counts such intervals of all six metrics.

| | seeds | protocol | variants | MRR | clear in MRR | clear in any metric |
|---|---|---|---:|---:|---|---:|
"""


class Difference(NamedTuple):
    """A row of a table of differences: what was compared with the default, and by how much."""

    label: str
    low: dict[str, float]
    mean: dict[str, float]
    high: dict[str, float]

    def clear(self, metric: str) -> int:
        """1 above 0, -1 below 0, 0 where the interval has 0 in it."""
        return (self.low[metric] > 0) - (self.high[metric] < 0)

    def cell(self, metric: str = "MRR", *, marked: bool = True) -> str:
        low, mean, high = (f"{1000 * side[metric]:+.1f}" for side in (self.low, self.mean, self.high))
        return f"{mean} [{low}, {high}]" + " \\*" * bool(marked and self.clear(metric))


class Group(NamedTuple):
    """Rows of one file that are compared with one default under one protocol."""

    file: Path
    title: str
    protocol: str
    default: float  # its MRR
    rows: list[Difference]

    @property
    def link(self) -> str:
        return self.file.with_suffix(".md").relative_to(RESULTS).as_posix()

    @property
    def seeds(self) -> int:
        page = self.file.with_suffix(".md").read_text(encoding="utf-8")
        return len(re.search(r"--seeds[ =]([\d,]+)", page)[1].split(","))

    def linked(self, text: str) -> str:
        return f"[{text}]({self.link})"

    @property
    def data(self) -> str:
        return next(name for start, name in NAMES.items() if self.file.stem.startswith(start))

    @property
    def what(self) -> tuple[str, str, str, int]:
        """Data, base network, number of peers and MED's steps."""
        experiment, _, steps = self.file.stem.rpartition("-")
        of = experiment.rpartition("-")[2]
        network = self.title if of == "base" else "causal" if self.file.parent == RESULTS else "bidirectional"
        taken = self.title.removesuffix(" steps") if of == "length" else steps
        return self.data, network, self.title if of == "peers" else "T = 2", int(taken.replace(",", ""))


def groups_of(file: Path) -> list[Group]:
    with file.open(encoding="utf-8", newline="") as text:
        rows = [row for row in csv.DictReader(text) if row["targets"] == "all"]
    found: dict[tuple[str, str, str], list[dict]] = {}
    for row in rows:
        if row["less"]:
            found.setdefault((row["group"], row["candidates"].split()[0].strip(","), row["less"]), []).append(row)
    groups = []
    for (title, protocol, default), own in found.items():
        mrr = next(
            float(row["MRR"])
            for row in rows
            if (row["group"], row["model"], row["less"]) == (title, default, "")
            and row["candidates"].startswith(protocol)
        )
        sides = (" low", "", " high")
        differences = [
            Difference(row["model"], *({metric: float(row[metric + side]) for metric in METRICS} for side in sides))
            for row in own
        ]
        groups.append(Group(file, title, protocol, mrr, differences))
    return groups


def cell_of(group: Group, kind: str, budget: str) -> str:
    for row in group.rows:
        equal = re.search(r"\((equal [^)]*)\)$", row.label)
        if kind in row.label and equal and (equal[1] == budget or equal[1] == "equal steps and time"):
            return row.cell(marked=group.seeds > 1)
    return ""


def controls_table(groups: list[Group]) -> list[str]:
    """Rows by data, base network, peers and steps; of tables that ask the same, the one with most seeds."""
    asked: dict[tuple, Group] = {}
    for group in sorted(groups, key=lambda group: group.seeds):
        asked[group.what] = group
    order = list(NAMES.values())
    groups = [asked[what] for what in sorted(asked, key=lambda what: (order.index(what[0]), *what[1:]))]
    columns = ["MED's MRR", *CONTROLS, "GeneratorKNN"]
    lines = [f"| MED | seeds | {' | '.join(columns)} |", "|---|---:|" + "---:|" * len(columns)]
    for group in groups:
        rule = next(row.cell(marked=group.seeds > 1) for row in group.rows if row.label == "GeneratorKNN")
        cells = [f"{group.default:.3f}", *(cell_of(group, *wanted) for wanted in CONTROLS.values()), rule]
        data, network, peers, steps = group.what
        name = group.linked(f"{data}, {network}, {peers}, {steps:,} steps")
        lines.append(f"| {name} | {group.seeds} | {' | '.join(cells)} |")
    return lines


def mimicry_row(group: Group) -> str:
    """First peers of mimicry and MED, as the paper's Table 3 has them."""
    row = next(row for row in group.rows if row.label == "mimicry M1")
    data, network, _, steps = group.what
    cells = " | ".join(row.cell(metric, marked=group.seeds > 1) for metric in METRICS)
    return f"| {group.linked(f'{data}, {network}, {steps:,} steps')} | {group.seeds} | `{group.protocol}` | {cells} |"


def loss_row(group: Group) -> str:
    """Of the rows that say what is varied in MED itself."""
    rows = [row for row in group.rows if re.search(r"^MED, |^I+V?: |^(alpha|beta) = ", row.label)]
    low, high = (f"{1000 * end(row.mean['MRR'] for row in rows):+.1f}" for end in (min, max))
    clear, counted = "", ""
    if group.seeds > 1:
        clear = "; ".join(f"{VARIED.sub('', row.label)}: {row.cell()}" for row in rows if row.clear("MRR")) or "none"
        signs = Counter(row.clear(metric) for row in rows for metric in METRICS)
        counted = f"{signs[1]} above, {signs[-1]} below, of {len(rows) * len(METRICS)}"
    name = group.linked(f"{group.data}, {group.title}, {group.what[3]:,} steps")
    return f"| {name} | {group.seeds} | `{group.protocol}` | {len(rows)} | {low} to {high} | {clear} | {counted} |"


def text() -> str:
    files = sorted([*RESULTS.glob("*.csv"), *RESULTS.glob("*/*.csv")])
    own = [file for file in files if not file.stem.endswith(".runs")]
    controls = [file for file in own if re.search("-controls-(main|length|peers|base)-", file.stem)]
    losses = [file for file in own if re.search("-(fig3|fig4|controls-(alpha|gamma|denoising))-", file.stem)]
    parts = [HEAD]
    groups = [group for file in controls for group in groups_of(file)]
    for protocol, title in PROTOCOLS.items():
        if shown := [group for group in groups if group.protocol == protocol]:
            parts += [f"\n## {title}\n", "\n".join(controls_table(shown)) + "\n"]
    rows = [loss_row(group) for file in losses for group in groups_of(file)]
    mimicry = [mimicry_row(group) for file in own if "-table3-" in file.stem for group in groups_of(file)]
    return "\n".join(parts) + OF_MIMICRY + "\n".join(mimicry) + "\n" + OF_THE_LOSS + "\n".join(rows) + "\n"


if __name__ == "__main__":
    (RESULTS / "summary.md").write_text(text(), encoding="utf-8")
