"""A comparison in plain words, and as a page with pictures."""

import html
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from training import evaluate, page
from training.retrain import Outcome

MOST_SLICES = 12
"""Slices shown, those that moved most."""


def text(outcome: Outcome) -> str:
    """Return what happened and why, in a few lines."""
    comparison = outcome.comparison
    verdict = "may replace" if outcome.passed else "must not replace"
    lines = [f"{comparison['challenger']} {verdict} {comparison['champion']}:"]
    for check in outcome.checks:
        lines.append(f"  {'ok  ' if check.passed else 'FAIL'} {check.name}: {check.found}")
    lines += [f"  note {note}" for note in comparison["notes"]]
    for name, found in comparison["sets"].items():
        for head, figures in _heads(found):
            place = f"{_set(name)}, {found['sentences']} sentences"
            lines.append(f"{place}: {_difference(head, figures)}")
    return "\n".join([*lines, _cost(comparison)])


def render(outcome: Outcome) -> str:
    """Return the page: the decision, why, and what moved."""
    comparison = outcome.comparison
    title = f"{comparison['challenger']} against {comparison['champion']}"
    decision = (
        f"{comparison['challenger']} is shown to be no worse and may replace "
        f"{comparison['champion']}."
        if outcome.passed
        else f"{comparison['challenger']} is not shown to be as good, so it must not replace "
        f"{comparison['champion']}."
    )
    rows = [["yes" if check.passed else "NO", check.name, check.found] for check in outcome.checks]
    parts = [
        f"<p><b>{decision}</b></p>",
        page.table(["holds", "condition", "found"], rows, prose=True),
    ]
    parts += [f"<p>Note: {html.escape(note)}.</p>" for note in comparison["notes"]]
    for name, found in comparison["sets"].items():
        parts.append(f"<h2>{_set(name).capitalize()}, {found['sentences']} sentences</h2>")
        heads = dict(_heads(found))
        parts.append(page.image(_differences(heads), f"{name}: what changed, with intervals"))
        parts.append(
            page.table(
                ["label", "F1 new", "F1 before"],
                [
                    [f"{head}: {label}", f"{pair[0]:.3f}", f"{pair[1]:.3f}"]
                    for head, figures in heads.items()
                    for label, pair in figures["per_class"].items()
                ],
            )
        )
        for head, figures in heads.items():
            parts.append(f"<h3>{head.capitalize()}</h3><p>{_difference(head, figures)}.</p>")
            parts.append(_moved(figures["slices"]))
            parts.append(_flips(head, figures))
    parts.append(f"<p>{_cost(comparison).capitalize()}.</p>")
    return page.document(title, parts)


def _heads(found: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(head, found[head]) for head in evaluate.HEADS if head in found]


def _difference(head: str, figures: dict[str, Any]) -> str:
    """Return how one head does, and how sure that is, in words."""
    new, before = figures["macro_f1"]
    low, high = figures["interval"]
    counts = figures["mcnemar"]
    return (
        f"{head} macro-F1 {new:.3f} against {before:.3f} ({figures['difference']:+.3f}, 95 % "
        f"interval {low:+.3f} to {high:+.3f}); {counts['gained']} sentences newly right, "
        f"{counts['lost']} newly wrong (exact McNemar p = {counts['p']:.2g})"
    )


def _cost(comparison: dict[str, Any]) -> str:
    size, speed = comparison["size"], comparison["speed"]
    return (
        f"size {size[0] / 1e6:.1f} MB against {size[1] / 1e6:.1f} MB; speed {speed[0]:.0f} "
        f"against {speed[1]:.0f} sentences a second here"
    )


def _set(name: str) -> str:
    return {"test": "the locked test set", "new": "your held-out sentences"}.get(name, name)


def _differences(heads: dict[str, Any]) -> Figure:
    """Draw the difference in macro-F1 of each head, and its interval."""
    figure = Figure(figsize=(7, 0.9 + 0.6 * len(heads)), layout="constrained")
    axes = figure.subplots()
    for row, figures in enumerate(heads.values()):
        low, high = figures["interval"]
        better = low > 0
        colour = "#1f7a6d" if better else "#b8432f" if high < 0 else "#2f4a6d"
        axes.plot([low, high], [row, row], color=colour, linewidth=3, solid_capstyle="round")
        axes.plot(figures["difference"], row, "o", color=colour, markersize=9)
    axes.axvline(0, color="#9aa4af", linewidth=1)
    axes.set_yticks(range(len(heads)), list(heads))
    axes.set_ylim(-0.6, len(heads) - 0.4)
    axes.set_xlabel("macro-F1, new less before (95 % interval); right of the line is better")
    return figure


def _moved(slices: dict[str, Any]) -> str:
    moved = [
        (abs(float(np.subtract(*row["accuracy"]))), f"{column}: {value}", row)
        for column, values in slices.items()
        for value, row in values.items()
    ]
    if not moved:
        return ""
    rows = [
        [name, row["sentences"], *(f"{share:.1%}" for share in row["accuracy"])]
        for _, name, row in sorted(moved, key=lambda item: -item[0])[:MOST_SLICES]
    ]
    return page.table(["slice that moved most", "sentences", "right now", "right before"], rows)


def _flips(head: str, found: dict[str, Any]) -> str:
    if not found["flips"]:
        return f"<p>No {head} changed.</p>"
    rows = [
        [flip["text"], flip["label"] or "", flip["champion"], flip["challenger"]]
        for flip in found["flips"]
    ]
    table = page.table(["sentence", "label", "before", "now"], rows)
    shown = f", {len(rows)} shown" if found["flipped"] > len(rows) else ""
    summary = html.escape(f"{found['flipped']} changed in {head}{shown}")
    return f"<details><summary>{summary}</summary>{table}</details>"
