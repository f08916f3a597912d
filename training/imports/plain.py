"""Plain rows, this project's feedback among them: `text`, `stance`, `sentiment`, and more.

What an import wrote has beside a label the annotators that it came from, as `annotations`; they
count again as they did, so that it can stand beside a new export of the same tool. A column
`label` is read as whichever of the two its labels belong to, where that has no column of its own.
Capitals, spaces and hyphens in a column's name do not count.
"""

from collections.abc import Iterator

from claimstance.errors import InvalidInput
from training.imports.judgement import (
    ANNOTATOR_FIELDS,
    TEXT_FIELDS,
    VOTES,
    Dropped,
    Judgement,
    Values,
    labels,
    leading,
    plainly,
    pseudonym,
    text_field,
)

NAME = "plain records"

_LABELS = (*VOTES, "label")
_KNOWN = {*TEXT_FIELDS, *_LABELS, *ANNOTATOR_FIELDS, *VOTES.values(), "id", "group", "split"}


def fits(row: Values) -> bool:
    """Tell whether `row` has a sentence or a label by its column."""
    return any(name in _called(row) for name in (*TEXT_FIELDS, *VOTES))


def judgements(row: Values, where: str, _: Dropped) -> Iterator[Judgement]:
    """Yield what the row says; `Tool` tells the rest."""
    row = _called(row)
    answers = {name: labels(row[name], f"{where} field {name}") for name in _LABELS if name in row}
    who = next((row[name] for name in ANNOTATOR_FIELDS if row.get(name)), None)
    text = text_field(row, where) or next((n for n in TEXT_FIELDS if n in row), TEXT_FIELDS[0])
    own = {text, *answers, *ANNOTATOR_FIELDS}
    fields = {name: value for name, value in row.items() if name not in own}
    if not isinstance(row.get(text), str):
        raise InvalidInput("must hold a sentence", f"{where} field {text}")
    if not answers and not fields.keys() & set(VOTES.values()):
        raise InvalidInput(f"needs a stance or a sentiment (there are: {', '.join(row)})", where)
    if said := _said(row):
        del fields["annotations"]
        for annotator, theirs in said.items():
            yield Judgement(row[text], annotator, theirs, where, fields)
    else:
        yield Judgement(row[text], pseudonym(who), answers, where, fields)


def _said(row: Values) -> dict[str, dict[str, list[str]]]:
    """Return the answers of each annotator that an import has named; none where a person decided.

    That is so where the label beside them is not the one that most of them gave.
    """
    given = row.get("annotations")
    if not isinstance(given, list) or not all(_is_annotation(one) for one in given):
        return {}
    for head in VOTES:
        if leading([one[head] for one in given if head in one]) != (row.get(head) or None):
            return {}
    return {one["annotator"]: {h: [one[h]] for h in VOTES if h in one} for one in given}


def _is_annotation(value: object) -> bool:
    names = {"annotator", *VOTES}
    return (
        isinstance(value, dict)
        and "annotator" in value
        and value.keys() <= names
        and all(isinstance(said, str) for said in value.values())
    )


def _called(row: Values) -> Values:
    """Return `row` with the columns known here under the names they have here."""
    names = {name: plainly(name) for name in row}
    return {known if known in _KNOWN else name: row[name] for name, known in names.items()}
