"""doccano: text classification as JSON Lines or JSON, and the zip with a file per user.

Every label stands in one list, whatever it is a label of. Where annotators work together, the
file is `all.jsonl` and nobody is named; early releases wrote `labels` and `username`. Labels that
came with an import look like an annotator's; `python -m training suggest` adds `UNCHECKED` to
those, which whoever checks them takes away.
"""

from collections.abc import Iterator

from claimstance.errors import InvalidInput
from training.imports.judgement import (
    VOTES,
    Dropped,
    Judgement,
    Values,
    labels,
    plainly,
    pseudonym,
    sentence,
)

NAME = "doccano"

UNCHECKED = "unchecked"
"""The label beside a model's guesses that nobody has checked."""

_TOGETHER = ("all", "unknown")
_OWN = {"id", "doc_id", "label", "labels", "cats", "username", "Comments", "comments"}


def fits(row: Values) -> bool:
    """Tell whether `row` has a list of labels, and no column for either head."""
    listed = any(isinstance(row.get(name), list) for name in ("label", "labels", "cats"))
    return listed and not _heads(row)


def judgements(row: Values, where: str, dropped: Dropped) -> Iterator[Judgement]:
    """Yield what a row says; `Tool` tells the rest."""
    if heads := _heads(row):
        problem = "is no column of doccano's, which other rows are of"
        raise InvalidInput(problem, f"{where} field {heads[0]}")
    name = next(name for name in ("label", "labels", "cats", "") if not name or name in row)
    chosen = labels(row.get(name), f"{where} field {name}")
    if UNCHECKED in chosen:
        dropped["guesses that nobody checked"] += 1
        return
    values = {name: value for name, value in row.items() if name not in _OWN}
    text = sentence(values, where)
    who = row.get("username")
    fields = {name: value for name, value in values.items() if value != text}
    fields.setdefault("id", row.get("id", row.get("doc_id")))
    yield Judgement(
        text, None if who in _TOGETHER else pseudonym(who), {"label": chosen}, where, fields
    )


def _heads(row: Values) -> list[str]:
    """Return the columns that are called for a head, as plain records have them."""
    return [name for name in row if plainly(name) in VOTES]
