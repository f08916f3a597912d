"""How well two blind annotators agreed, from the labels kept with the corpus."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from claimstance.labels import SENTIMENTS, STANCES
from training.corpus import AUTHORED, CONTRASTS, REFERENCES
from training.imports.agreement import kappa

SMALLEST = 50
"""A slice of fewer sentences says too little to be reported."""


def tables() -> str:
    """Return Markdown tables of Cohen's kappa for the corpus's twice-labelled sentences."""
    public, written = _twice(REFERENCES), _twice(AUTHORED) + _twice(CONTRASTS)
    held = [row for row in public if row["split"] != "train"]
    unsure = [row for row in public if row["split"] == "train"]
    parts = []
    for title, rows, columns in (
        ("Public sentences, dev and test", held, ("register", "decade", "sampling")),
        (
            "Public training sentences read twice, most because they were doubted",
            unsure,
            ("register",),
        ),
        ("Written sentences", written, ("register",)),
    ):
        parts += [f"**{title}**", "", _table(rows, columns), ""]
    return "\n".join(parts).rstrip() + "\n"


def _twice(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a folder that were labelled twice."""
    rows = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return [row for row in rows if "passes" in row]


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    slices: dict[str, list[dict[str, Any]]] = {"all": rows}
    for column in columns:
        values = defaultdict(list)
        for row in rows:
            values[str(row[column])].append(row)
        slices |= {
            f"{column} {value}": found
            for value, found in sorted(values.items())
            if len(found) >= SMALLEST
        }
    lines = [
        "| | sentences | stance agreed | stance kappa | sentiment agreed | sentiment kappa |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in slices.items():
        lines.append(f"| {name} | {len(found)} | {_agreed(found, 0)} | {_agreed(found, 1)} |")
    for head, labels in enumerate((STANCES, SENTIMENTS)):
        for label in labels:
            figure = kappa([[p[head] == label for p in row["passes"]] for row in rows])
            cells = ["", "", "", ""]
            cells[2 * head + 1] = figure
            kind = ("stance", "sentiment")[head]
            lines.append(f"| {kind} {label} against the rest | {len(rows)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _agreed(rows: list[dict[str, Any]], head: int) -> str:
    pairs = [[p[head] for p in row["passes"]] for row in rows]
    return f"{sum(a == b for a, b in pairs) / len(pairs):.1%} | {kappa(pairs)}"
