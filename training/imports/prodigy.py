"""Prodigy: JSON Lines of `db-out`; a label to accept or reject, or options to choose from."""

import re
from collections.abc import Iterator
from typing import Any

from claimstance.errors import InvalidInput
from training.imports.judgement import Dropped, Judgement, Values, labels, pseudonym, sentence

NAME = "Prodigy"

_UNNAMED = re.compile(r"\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2}\Z")
"""How a session's name ends that is only the time it began: nobody is named by it."""

_PLACES = ("id", "group", "split")


def fits(row: Values) -> bool:
    """Tell whether `row` has an answer to something to accept or choose."""
    answered = row.get("answer") in ("accept", "reject", "ignore")
    return answered and any(name in row for name in ("accept", "label", "options", "_task_hash"))


def judgements(row: Values, where: str, dropped: Dropped) -> Iterator[Judgement]:
    """Yield what an accepted row says; `Tool` tells the rest."""
    answer = row.get("answer")
    if answer == "ignore":
        dropped["ignored answers"] += 1
        return
    if answer == "reject":
        # It says what a sentence is not, which leaves two labels open.
        dropped["rejected answers"] += 1
        return
    if answer != "accept":
        raise InvalidInput("must be accept, reject or ignore", f"{where} field answer")
    if "accept" in row or "options" in row:
        chosen = [_name(choice, row, where) for choice in row.get("accept") or []]
    else:
        chosen = labels(row.get("label"), f"{where} field label")
    meta = row["meta"] if isinstance(row.get("meta"), dict) else {}
    fields = {**meta, **{name: row[name] for name in _PLACES if name in row}}
    yield Judgement(sentence(row, where), _who(row), {"label": chosen}, where, fields)


def _name(choice: Any, row: Values, where: str) -> str:
    """Return the label of a chosen option: its id, or its text where ids are only numbers."""
    if isinstance(choice, str) and not choice.isdigit():
        return choice
    for option in row.get("options") or []:
        if isinstance(option, dict) and str(option.get("id")) == str(choice):
            return str(option.get("text"))
    raise InvalidInput(f"{choice!r} is none of the options", f"{where} field accept")


def _who(row: Values) -> str | None:
    for name in ("_annotator_id", "_session_id"):
        who = row.get(name)
        if who and not _UNNAMED.search(str(who)):
            return pseudonym(who)
    return None
