"""A check as text for the terminal, and as a page."""

import html

from matplotlib.figure import Figure

from claimstance.text import normalize
from training import page
from training.check import BALANCE, Report, Section

SHOWN = 20
"""Rows of a section that the terminal shows unless it is `whole`; the page has all."""

_WIDTH = 110


def text(report: Report) -> str:
    """Return the report as lines of text, with the verdict last."""
    parts = [f"{report.title}\n"]
    for section in report.sections:
        shown = section.rows if section.whole else section.rows[:SHOWN]
        parts.append(f"{section.title}: {section.told}")
        parts += [f"  {' | '.join(map(_short, row))}" for row in shown]
        if len(shown) < len(section.rows):
            parts.append(f"  ... and {len(section.rows) - len(shown)} more; --report shows all")
    parts += ["", _verdict(report)]
    return "\n".join(parts) + "\n"


def _short(cell: str) -> str:
    """Return what fits a terminal, without anything that would steer it."""
    cell = normalize(cell)
    return cell if len(cell) <= _WIDTH else f"{cell[: _WIDTH - 3]}..."


def render(report: Report) -> str:
    """Return the report as a page: one self-contained HTML file."""
    colour = "#b3261e" if report.reasons else "#1b7f4b"
    parts = [f"<p><strong style='color:{colour}'>{html.escape(_verdict(report))}</strong></p>"]
    for section in report.sections:
        parts += _section(section)
        if section.title == BALANCE:
            parts += [
                page.image(_bars(head, counts), f"{head}: sentences by label")
                for head, counts in report.balance.items()
                if any(counts.values())
            ]
    return page.document(report.title, parts)


def _verdict(report: Report) -> str:
    if report.reasons:
        return f"Refused for training: {'; '.join(report.reasons)}."
    return "Nothing here forbids training on it."


def _section(section: Section) -> list[str]:
    parts = [f"<h2>{html.escape(section.title)}</h2>", f"<p>{html.escape(section.told)}</p>"]
    if not section.rows:
        return parts
    table = page.table(section.header, section.rows, prose=True)
    if len(section.rows) <= SHOWN:
        return [*parts, table]
    summary = f"<summary>all {len(section.rows)} rows</summary>"
    return [*parts, f"<details>{summary}{table}</details>"]


def _bars(head: str, counts: dict[str, int]) -> Figure:
    figure = Figure(figsize=(4.6, 2.4), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(counts), list(counts.values()), color="#2f4a6d")
    axes.bar_label(bars, padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel(f"sentences by {head}")
    return figure
