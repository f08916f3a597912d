"""The simulation of `benchmarks.suggest` as a page and a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy import stats

Values = npt.NDArray[np.float64]

COLOURS = {"random": "#8a8f98", "suggest": "#b3261e"}

INTRODUCTION = """# What to label next: does it teach more?

`python -m training suggest` chooses sentences whose labels should teach most. Here the labels of
the corpus are hidden and revealed: {pool} public sentences play the archive, a model that has
learnt from {start} written sentences asks for {step} labels at a time and is taught anew with
them. Measured is the stance macro-F1 on the {dev} public sentences of `dev`, whose documents have
no sentence in the archive; `test` is not touched.

{conclusion}

![Learning curves](suggest.png)
"""

CONDITIONS = """
## How it was had

    python -m training assemble --archives DIR
    python -m benchmarks.suggest

{machine}; {hours:.1f} hours of a machine that did other work beside.

- The archive holds public training sentences that were drawn at random, by a bag of words or in
  the first round, none because an encoder was unsure of it: {shares}. In an archive as it is,
  stances are rarer, and a random pick teaches less than here.
- Each seed has its own written sentences to start from, its own random picks and its own initial
  weights; ways of picking are compared within a seed. Intervals are 95 %, of Student's t over
  seeds; with so few they are rough.
- *Linear head on frozen vectors* is a logistic regression on the base encoder's sentence vectors.
  It costs seconds, so the ways of picking were compared with it.
- *Fine-tuned encoder* is the recipe (`training/recipe.toml`) with at least {min_steps} steps
  instead of 400 and sentences cut at {max_tokens} tokens, and scores that are not calibrated, for
  want of sentences to calibrate on. The real command asks a model that has learnt from the whole
  corpus, which leaves less to learn than this one has.
- Guesses are not shown here: the labels revealed are those of the corpus, whatever a guess beside
  them would have done to an annotator.
"""


def render(kept: dict[str, Any], titles: dict[str, str]) -> str:
    """Return the page.

    Args:
        kept: what `benchmarks.suggest.run` returns.
        titles: the learners by key.
    """
    facts = kept["facts"]
    parts = []
    told = []
    for key, title in titles.items():
        curves = {picker: np.array(rows) for picker, rows in kept["curves"][key].items()}
        parts += ["", f"## {title.capitalize()}", "", *_table(curves, facts["step"])]
        told.append(_conclusion(title, curves, facts["step"]))
    conclusion = "\n".join(told)
    hours = kept["seconds"] / 3600
    return "\n".join(
        [
            INTRODUCTION.format(conclusion=conclusion, **facts),
            *parts[1:],
            CONDITIONS.format(machine=kept["machine"], hours=hours, **facts),
        ]
    )


def _table(curves: dict[str, Values], step: int) -> list[str]:
    rounds = next(iter(curves.values())).shape[1]
    header = ["labels asked for", *(str(step * number) for number in range(rounds))]
    lines = [_line(header), _line(["---"] * len(header))]
    for picker, rows in curves.items():
        cells = [f"{mean:.3f} ± {half:.3f}" for mean, half in map(interval, rows.T)]
        lines.append(_line([picker, *cells]))
    for picker, rows in curves.items():
        if picker != "random":
            gains = [interval(column) for column in (rows - curves["random"]).T]
            cells = ["" if not half else f"{mean:+.3f} ± {half:.3f}" for mean, half in gains]
            lines.append(_line([f"{picker}, minus random", *cells]))
    seeds = len(next(iter(curves.values())))
    return [*lines, "", f"{seeds} seeds."]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _conclusion(title: str, curves: dict[str, Values], step: int) -> str:
    """Return how many labels random picking needs for what `suggest` reaches with half of all."""
    chosen, drawn = curves["suggest"].mean(0), curves["random"].mean(0)
    last = len(chosen) - 1
    half = last // 2
    needed = reached(drawn, chosen[half])
    told = f"more than {last * step}" if needed is None else f"about {round(needed * step, -1):.0f}"
    mean, width = interval((curves["suggest"] - curves["random"])[:, 1:].mean(1))
    return (
        f"- **{title.capitalize()}**: what `suggest` reaches with {half * step} labels "
        f"({chosen[half]:.3f}) takes {told} at random; over all rounds it is "
        f"{mean:+.3f} ± {width:.3f} ahead."
    )


def reached(curve: Values, value: float) -> float | None:
    """Return the round, between two if need be, at which a curve first reaches `value`, or None."""
    for number, now in enumerate(curve):
        if now >= value:
            before = curve[number - 1] if number else now
            return number - ((now - value) / (now - before) if now > before else 0.0)
    return None


def interval(values: Values) -> tuple[float, float]:
    """Return the mean of `values` and half the width of its 95 % interval (Student's t)."""
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values)), float(stats.t.ppf(0.975, len(values) - 1) * error)


def draw(kept: dict[str, Any], titles: dict[str, str], path: Path) -> None:
    """Write the learning curves with their intervals as a PNG."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    every = figure.subplots(1, len(titles), squeeze=False)[0]
    for axes, (key, title) in zip(every, titles.items(), strict=True):
        for picker, colour in COLOURS.items():
            rows = np.array(kept["curves"][key][picker])
            found = np.array([interval(column) for column in rows.T])
            labels = kept["facts"]["step"] * np.arange(len(found))
            axes.plot(labels, found[:, 0], color=colour, marker="o", label=picker)
            axes.fill_between(
                labels,
                found[:, 0] - found[:, 1],
                found[:, 0] + found[:, 1],
                color=colour,
                alpha=0.15,
            )
        axes.set_title(f"{title} ({len(rows)} seeds)")
        axes.set_xlabel("labels asked for")
        axes.set_ylabel("stance macro-F1 on dev")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)
