"""An evaluation as a page, and what every page is made of: one self-contained HTML file."""

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from training import evaluate

matplotlib.use("agg")

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2127; background: #fff }
h1, h2 { line-height: 1.2 } img { max-width: 100%; height: auto }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
td, th { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #d6dbe1 }
td:first-child, th:first-child { text-align: left }
.prose td, .prose th { text-align: left; vertical-align: top; overflow-wrap: break-word }
"""


def render(title: str, figures: dict[str, Any]) -> str:
    """Return the page for `figures`, as `evaluate.figures` made them."""
    heads = [head for head in evaluate.HEADS if head in figures]
    return document(title, [part for head in heads for part in _section(head, figures[head])])


def document(title: str, parts: Sequence[str]) -> str:
    """Return the page with that title (text) and those parts (HTML)."""
    start = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>",
        f"<h1>{html.escape(title)}</h1>",
    ]
    return "\n".join([*start, *parts]) + "\n"


def _section(head: str, figures: dict[str, Any]) -> list[str]:
    low, high = figures["macro_f1_interval"]
    parts = [
        f"<h2>{head.capitalize()}: macro-F1 {figures['macro_f1']:.3f} "
        f"<small>({low:.3f} to {high:.3f}, 95 %)</small></h2>",
        f"<p>{figures['sentences']} sentences, {figures['accuracy']:.1%} right, expected "
        f"calibration error {figures['calibration_error']:.3f}.</p>",
        image(_confusion(figures), f"{head}: confusion matrix"),
        image(_reliability(figures), f"{head}: reliability diagram"),
        image(_risk_coverage(figures), f"{head}: risk-coverage curve"),
        table(
            ["label", "precision", "recall", "F1", "sentences"],
            [
                [label, *(f"{row[k]:.3f}" for k in ("precision", "recall", "f1")), row["support"]]
                for label, row in figures["per_class"].items()
            ],
        ),
    ]
    for column, values in figures.get("slices", {}).items():
        parts.append(
            table(
                [column, "sentences", "macro-F1", "accuracy"],
                [
                    [name, row["sentences"], f"{row['macro_f1']:.3f}", f"{row['accuracy']:.3f}"]
                    for name, row in values.items()
                ],
            )
        )
    return parts


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], prose: bool = False) -> str:
    """Return an HTML table of figures, or of `prose`; cells are what prints as text."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    kind = " class='prose'" if prose else ""
    return f"<table{kind}><tr>{head}</tr>{body}</table>"


def _confusion(figures: dict[str, Any]) -> Figure:
    counts = np.array(figures["confusion"])
    labels = list(figures["per_class"])
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    figure = Figure(figsize=(4.6, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return figure


def _reliability(figures: dict[str, Any]) -> Figure:
    """Draw how often predictions are right against how sure they are."""
    points = figures["reliability"]
    figure = Figure(figsize=(4.6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#9aa4af", linestyle="--", linewidth=1)
    axes.scatter(
        [point["score"] for point in points],
        [point["right"] for point in points],
        s=[20 + 300 * point["sentences"] / figures["sentences"] for point in points],
    )
    axes.set_xlim(0.3, 1.02)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("score of the predicted label")
    axes.set_ylabel("share of them right")
    return figure


def _risk_coverage(figures: dict[str, Any]) -> Figure:
    """Draw how often the surest predictions are wrong."""
    points = figures["risk_coverage"]
    figure = Figure(figsize=(4.6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([p["coverage"] for p in points], [p["risk"] for p in points], marker="o")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("share of sentences answered, surest first")
    axes.set_ylabel("share of those wrong")
    return figure


def image(figure: Figure, description: str) -> str:
    """Return a figure as an HTML image that needs no other file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144, bbox_inches="tight")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f"<img alt='{html.escape(description)}' src='data:image/png;base64,{data}'>"
