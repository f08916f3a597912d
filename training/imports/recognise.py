"""The front door: which tool wrote a file, and what annotators said in it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from claimstance.errors import InvalidInput
from claimstance.text import has_half_character, normalize
from training.imports import argilla, doccano, files, label_studio, plain, prodigy
from training.imports.judgement import (
    Dropped,
    Judgement,
    Tool,
    is_address,
    names_a_person,
    pseudonym,
)

TOOLS: tuple[Tool, ...] = (label_studio, argilla, prodigy, doccano, plain)
"""In the order they are asked: plain rows come last, since the others' may look like them."""


@dataclass(frozen=True)
class Export:
    """A file as it was understood.

    `problems` are the rows that could not be read, in order; `dropped` counts what the tool's
    user had set aside, by why.
    """

    path: Path
    tool: str
    judgements: list[Judgement] = field(default_factory=list)
    dropped: Dropped = field(default_factory=Counter)
    problems: list[InvalidInput] = field(default_factory=list)


def read(path: Path) -> Export:
    """Return what a file holds, from whichever tool it comes; a bad row loses nothing else.

    Raises:
        DocumentUnreadable: the file cannot be opened, or is damaged.
        LimitExceeded: a zip is too large.
        InvalidInput: it has rows, and no tool known here writes such.
    """
    rows = list(files.rows(path))
    known = [row.values for row in rows if isinstance(row.values, dict)]
    tool = next((tool for tool in TOOLS if any(map(tool.fits, known))), None)
    if known and tool is None:
        names = ", ".join(map(str, known[0]))
        raise InvalidInput(
            "is no export of Label Studio, doccano, Prodigy or Argilla, and plain records need "
            f"columns named text, and stance, sentiment or label (there are: {names})",
            str(path),
        )
    export = Export(path, tool.NAME if tool else plain.NAME)
    for row in rows:
        if isinstance(row.values, InvalidInput):
            export.problems.append(row.values)
            continue
        assert tool
        try:
            for judgement in tool.judgements(row.values, row.where, export.dropped):
                _named_as_here(judgement, export.dropped)
                _check(judgement)
                export.judgements.append(judgement)
        except InvalidInput as problem:
            export.problems.append(problem)
    return export


def _named_as_here(judgement: Judgement, dropped: Dropped) -> None:
    """Give the split its name here; leave out names of people, write addresses by pseudonym."""
    fields = judgement.fields
    if isinstance(fields.get("split"), str):
        fields["split"] = files.SPLITS.get(fields["split"], fields["split"])
    for name, value in list(fields.items()):
        if names_a_person(name):
            if fields.pop(name) is not None:
                dropped[f"values of {name!r}, which may name a person"] += 1
        elif is_address(value):
            fields[name] = pseudonym(value)


def _check(judgement: Judgement) -> None:
    """Refuse what no record can be made of."""
    if not normalize(judgement.text):
        raise InvalidInput("must hold a sentence", f"{judgement.where} field text")
    if has_half_character(judgement.text):
        raise InvalidInput("holds half a character", f"{judgement.where} field text")
    if judgement.fields.get("split") not in (None, "train", "dev", "test"):
        raise InvalidInput("must be train, dev or test", f"{judgement.where} field split")
