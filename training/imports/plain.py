"""Plain rows, this project's feedback among them: `text`, `stance`, `sentiment`, and more.

Where neither is there, a column `label` is read as whichever of them its labels belong to.
"""

from collections.abc import Iterator

from claimstance.errors import InvalidInput
from training.imports.judgement import VOTES, Dropped, Judgement, Values, labels, pseudonym

NAME = "plain records"

_ANNOTATOR = ("annotator", "username")
_HEADS = ("stance", "sentiment")
_LABEL = ("label",)


def fits(row: Values) -> bool:
    """Tell whether `row` has any of the columns."""
    return any(name in row for name in ("text", *_HEADS))


def judgements(row: Values, where: str, _: Dropped) -> Iterator[Judgement]:
    """Yield what the row says; `Tool` tells the rest."""
    columns = [name for name in _HEADS if name in row] or [name for name in _LABEL if name in row]
    answers = {name: labels(row[name], f"{where} field {name}") for name in columns}
    who = next((row[name] for name in _ANNOTATOR if row.get(name)), None)
    own = {"text", *columns, *_ANNOTATOR}
    fields = {name: value for name, value in row.items() if name not in own}
    if not isinstance(row.get("text"), str):
        raise InvalidInput("must hold a sentence", f"{where} field text")
    if not answers and not fields.keys() & set(VOTES.values()):
        raise InvalidInput(f"needs a stance or a sentiment (there are: {', '.join(row)})", where)
    yield Judgement(row["text"], pseudonym(who), answers, where, fields)
