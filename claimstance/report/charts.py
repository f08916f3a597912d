"""Charts as inline SVG and HTML, coloured by the page's style sheet, readable at any width."""

from collections.abc import Callable, Sequence
from html import escape

from claimstance.report.figures import Group, Paper

LABELS = ("firm", "conciliatory")
"""What charts show of the stances; the rest is neutral."""

Point = tuple[float, float]


def years(groups: Sequence[Group], width: int) -> str:
    """Return the corrected shares over the years, with their intervals, in an SVG `width` wide."""
    height, left, right, top, bottom = 300, 44, 12, 12, 30
    first, last = int(groups[0].name), int(groups[-1].name)
    most = _ceiling(max(max(*g.shares.high[:2], *g.shares.raw[:2]) for g in groups))
    radius = min(3.0, max(1.2, width / len(groups) / 5))

    def x(year: float) -> float:
        return left + (width - left - right) * (year - first) / max(1, last - first)

    def y(share: float) -> float:
        return top + (height - top - bottom) * (1 - share / most)

    parts = [_open(width, height, "Share of firm and conciliatory sentences by year")]
    parts += [_grid(left, width - right, y, most)]
    for year in _ticks(first, last, width // 70):
        parts.append(f'<text x="{x(year):.1f}" y="{height - 8}" text-anchor="middle">{year}</text>')
    for index, label in enumerate(LABELS):
        for run in _runs(groups):
            upper = [(x(int(g.name)), y(g.shares.high[index])) for g in run]
            lower = [(x(int(g.name)), y(g.shares.low[index])) for g in run]
            middle = [(x(int(g.name)), y(g.shares.corrected[index])) for g in run]
            parts.append(f'<path class="band {label}" d="{_path(upper + lower[::-1])}Z"/>')
            plain = [(x(int(g.name)), y(g.shares.raw[index])) for g in run]
            parts.append(f'<path class="uncorrected {label}" d="{_path(plain)}"/>')
            parts.append(f'<path class="line {label}" d="{_path(middle)}"/>')
        for g in groups:
            parts.append(
                f'<circle class="dot {label}" cx="{x(int(g.name)):.1f}" '
                f'cy="{y(g.shares.corrected[index]):.1f}" r="{radius:.1f}">'
                f"<title>{_tip(g)}</title></circle>"
            )
    return "".join([*parts, "</svg>"])


def documents(papers: Sequence[Paper], width: int) -> str:
    """Return documents as dots by their shares of firm and of conciliatory sentences."""
    height, left, right, top, bottom = 380, 44, 14, 12, 44
    most_x = _ceiling(max(paper.firm for paper in papers))
    most_y = _ceiling(max(paper.conciliatory for paper in papers))

    def x(share: float) -> float:
        return left + (width - left - right) * share / most_x

    def y(share: float) -> float:
        return top + (height - top - bottom) * (1 - share / most_y)

    parts = [_open(width, height, "Documents by their share of firm and conciliatory sentences")]
    parts.append(_grid(left, width - right, y, most_y))
    for share in _steps(most_x):
        parts.append(
            f'<text x="{x(share):.1f}" y="{height - bottom + 18}" text-anchor="middle">'
            f"{share:.0%}</text>"
        )
    parts.append(
        f'<text x="{width - right}" y="{height - 6}" text-anchor="end" class="axis">firm →</text>'
        f'<text x="{left}" y="{top + 2}" class="axis" dx="4" dy="8">↑ conciliatory</text>'
    )
    for paper in papers:
        kind = "firm" if paper.firm > paper.conciliatory else "conciliatory"
        if paper.firm == paper.conciliatory:
            kind = "neutral"
        tip = (
            f"{paper.title}: {paper.firm:.0%} firm, {paper.conciliatory:.0%} conciliatory "
            f"of {paper.sentences} sentences"
        )
        parts.append(
            f'<circle class="paper {kind}" cx="{x(paper.firm):.1f}" '
            f'cy="{y(paper.conciliatory):.1f}" r="{2 + min(4, paper.sentences**0.5 / 8):.1f}">'
            f"<title>{escape(tip)}</title></circle>"
        )
    return "".join([*parts, "</svg>"])


def groups(found: Sequence[Group]) -> str:
    """Return a row for each group: bars of firm to the left, conciliatory to the right."""
    most = _ceiling(max(max(*g.shares.high[:2], *g.shares.raw[:2]) for g in found))
    rows = []
    for group in found:
        bars = []
        for index, label in enumerate(LABELS):
            corrected, raw = group.shares.corrected[index], group.shares.raw[index]
            low, high = group.shares.low[index], group.shares.high[index]
            bars.append(
                f'<div class="side {label}" style="--value:{corrected / most:.4f};'
                f'--low:{low / most:.4f};--high:{high / most:.4f};--raw:{raw / most:.4f}">'
                f'<b>{corrected:.0%}</b><span class="track"><i class="bar"></i>'
                '<i class="whisker"></i><i class="raw"></i></span></div>'
            )
        rows.append(
            f'<div class="group" title="{_tip(group)}"><div class="name">{escape(group.name)}'
            f"<small>{group.sentences:,}</small></div>{''.join(bars)}</div>"
        )
    return f'<div class="groups">{"".join(rows)}</div>'


def histogram(levels: Sequence[int], width: int) -> str:
    """Return how many sentences have their stance's score in each step."""
    height, left, right, top, bottom = 180, 12, 12, 18, 26
    begin = next((index for index, count in enumerate(levels) if count), 0)
    shown = levels[begin:]
    total = sum(levels)
    step = (width - left - right) / len(shown)
    parts = [_open(width, height, "How sure the labels are")]
    for index, count in enumerate(shown):
        size = (height - top - bottom) * count / max(shown)
        low = (begin + index) / len(levels)
        parts.append(
            f'<rect class="column" x="{left + index * step + 1:.1f}" '
            f'y="{height - bottom - size:.1f}" width="{step - 2:.1f}" height="{size:.1f}">'
            f"<title>{low:.2f} to {low + 1 / len(levels):.2f}: {count:,} sentences</title></rect>"
        )
        if count / total >= 0.005:
            parts.append(
                f'<text x="{left + (index + 0.5) * step:.1f}" '
                f'y="{height - bottom - size - 4:.1f}" text-anchor="middle">{count / total:.0%}'
                "</text>"
            )
        if index % (2 if width > 500 else 4) == 0:
            parts.append(f'<text x="{left + index * step:.1f}" y="{height - 8}">{low:.2f}</text>')
    return "".join([*parts, "</svg>"])


def _open(width: int, height: int, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
    )


def _grid(left: float, right: float, y: Callable[[float], float], most: float) -> str:
    return "".join(
        f'<line class="grid" x1="{left}" x2="{right}" y1="{y(s):.1f}" y2="{y(s):.1f}"/>'
        f'<text x="{left - 6}" y="{y(s) + 4:.1f}" text-anchor="end">{s:.0%}</text>'
        for s in _steps(most)
    )


def _ceiling(share: float) -> float:
    """Return the end of an axis that shows `share`."""
    ends = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
    return next((end for end in ends if end >= share), 1.0)


def _steps(most: float) -> list[float]:
    parts = 3 if most in (0.15, 0.3) else 4
    return [most * part / parts for part in range(parts + 1)]


def _ticks(first: int, last: int, most: int) -> list[int]:
    for step in (1, 2, 5, 10, 20, 50, 100):
        ticks = [year for year in range(first, last + 1) if year % step == 0]
        if len(ticks) <= max(most, 2):
            break
    return ticks or [first]


def _runs(found: Sequence[Group]) -> list[list[Group]]:
    """Return the stretches of groups whose years follow each other, so that no gap is bridged."""
    runs: list[list[Group]] = []
    for group in found:
        if runs and int(group.name) - int(runs[-1][-1].name) <= 1:
            runs[-1].append(group)
        else:
            runs.append([group])
    return runs


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _tip(group: Group) -> str:
    shares = group.shares
    parts = [
        f"{label} {shares.corrected[i]:.1%} ({shares.low[i]:.1%} to {shares.high[i]:.1%}; "
        f"uncorrected {shares.raw[i]:.1%})"
        for i, label in enumerate(LABELS)
    ]
    return escape(f"{group.name}, {group.sentences:,} sentences: {', '.join(parts)}")
