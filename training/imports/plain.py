"""Plain rows, this project's feedback among them: `text`, `stance`, `sentiment`, and more."""

from collections.abc import Iterator

from claimstance.errors import InvalidInput
from training.imports.judgement import Dropped, Judgement, Values, labels, pseudonym

NAME = "plain records"

_ANNOTATOR = ("annotator", "username")
_HEADS = ("stance", "sentiment")


def fits(row: Values) -> bool:
    """Tell whether `row` has any of the columns."""
    return any(name in row for name in ("text", *_HEADS))


def judgements(row: Values, where: str, _: Dropped) -> Iterator[Judgement]:
    """Yield what the row says; `Tool` tells the rest."""
    answers = {n: labels(row[n], f"{where} field {n}") for n in _HEADS if n in row}
    who = next((row[name] for name in _ANNOTATOR if row.get(name)), None)
    own = {"text", *_HEADS, *_ANNOTATOR}
    fields = {name: value for name, value in row.items() if name not in own}
    if not isinstance(row.get("text"), str):
        raise InvalidInput("must hold a sentence", f"{where} field text")
    if not answers:
        raise InvalidInput(f"needs a stance or a sentiment (there are: {', '.join(row)})", where)
    yield Judgement(row["text"], pseudonym(who), answers, where, fields)
