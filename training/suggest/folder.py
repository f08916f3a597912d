"""The folder of suggestions: a file for each tool, a table, and how to go on."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from string import Template

from claimstance.durable import replace
from claimstance.errors import InvalidInput
from training.evaluate import HEADS
from training.imports.doccano import UNCHECKED
from training.suggest import tools
from training.suggest.suggest import Chosen
from training.suggest.suggestion import Suggestion, Why

GUIDE = Path(__file__).parent / "guide.md"

_REASONS = {
    Why.RANDOM: "drawn at random",
    Why.UNCERTAIN: "the model is unsure",
    Why.DISAGREEMENT: "the model and a bag of words disagree",
}


def write(chosen: Chosen, folder: Path) -> None:
    """Write all files of what was chosen into `folder`, each whole or not at all.

    Files of an earlier choice are replaced.

    Raises:
        InvalidInput: the folder cannot be written to.
    """
    files = {name: make(chosen.suggestions) for name, make in tools.FILES.items()}
    files["suggestions.csv"] = _table(chosen.suggestions)
    files["README.md"] = _guide(chosen)
    try:
        for name, text in files.items():
            replace(folder / name, partial(Path.write_bytes, data=text.encode()))
    except OSError as error:
        raise InvalidInput(f"cannot be written ({error.strerror})", str(folder)) from error


def summary(chosen: Chosen) -> list[str]:
    """Return lines that tell what was chosen, from what, and why."""
    every = chosen.suggestions
    reasons = Counter(suggestion.why for suggestion in every)
    guesses = Counter(suggestion.stance for suggestion in every)
    documents = len({(s.source, s.row, s.document) for s in every})
    return [
        *chosen.told,
        f"{len(every)} sentences of {documents} documents to label:",
        *(f"- {reasons[why]}: {told}" for why, told in _REASONS.items()),
        "Guessed stances: "
        + ", ".join(f"{guesses[str(label)]} {label}" for label in HEADS["stance"])
        + f" (by {every[0].model}).",
    ]


def _table(suggestions: Sequence[Suggestion]) -> str:
    """Return the suggestions as CSV; no column is called as a label is, for these are guesses."""
    out = io.StringIO()
    rows = [
        {f"guessed_{k}" if k.startswith(("stance", "sentiment")) else k: v for k, v in row.items()}
        for row in map(asdict, suggestions)
    ]
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _guide(chosen: Chosen) -> str:
    names = {head: ", ".join(f'"{label}"' for label in labels) for head, labels in HEADS.items()}
    told = "\n".join(summary(chosen))
    return Template(GUIDE.read_text(encoding="utf-8")).substitute(
        names, summary=told, unchecked=UNCHECKED
    )
