"""Label Studio: its JSON export, a task with its annotations a row, and JSON_MIN, one a row.

A choice is known by its `from_name`. JSON_MIN mixes those names with the task's own fields: they
stand between `id` and `annotator`. CSV has the same columns in the alphabet's order, which tells
nothing. Predictions and drafts are no annotations and are not read.
"""

import json
from collections.abc import Iterator
from typing import Any

from claimstance.errors import InvalidInput
from training.imports.judgement import (
    VOTES,
    Dropped,
    Judgement,
    Values,
    labels,
    may_answer,
    pseudonym,
    sentence,
)

NAME = "Label Studio"

_MIN = ("annotation_id", "lead_time")
_MIN_OWN = {
    *("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"),
    *("group", "split"),
}


def fits(row: Values) -> bool:
    """Tell whether `row` is a task with annotations, or one annotation of JSON_MIN."""
    if isinstance(row.get("data"), dict) and isinstance(row.get("annotations"), list):
        return True
    return all(name in row for name in _MIN)


def judgements(row: Values, where: str, dropped: Dropped) -> Iterator[Judgement]:
    """Yield what each annotation says; `Tool` tells the rest."""
    if "annotations" not in row:
        yield _min(row, where)
        return
    data = row.get("data")
    if not isinstance(data, dict) or not isinstance(row["annotations"], list):
        raise InvalidInput("needs a task's `data` and its `annotations`", where)
    text = sentence(data, f"{where} field data")
    fields = {name: value for name, value in data.items() if value != text}
    fields.setdefault("id", row.get("id"))
    if not row["annotations"]:
        dropped["tasks without an annotation"] += 1
    for number, annotation in enumerate(row["annotations"]):
        place = f"{where} field annotations[{number}]"
        if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
            raise InvalidInput("needs a list `result`", place)
        if annotation.get("was_cancelled"):
            dropped["cancelled annotations"] += 1
            continue
        answers = _choices(annotation["result"], place, dropped)
        who = _who(annotation.get("completed_by"))
        yield Judgement(text, who, answers, where, fields)


def _choices(result: list[Any], where: str, dropped: Dropped) -> dict[str, list[str]]:
    answers: dict[str, list[str]] = {}
    for number, item in enumerate(result):
        place = f"{where}.result[{number}]"
        if not isinstance(item, dict):
            raise InvalidInput("must be an object", place)
        if item.get("type", "choices") != "choices":
            continue
        value = item.get("value")
        if not isinstance(value, dict):
            raise InvalidInput("needs a `value`", place)
        if "start" in value:
            dropped["choices about a part of the sentence"] += 1
            continue
        answers.setdefault(str(item.get("from_name")), []).extend(
            labels(value.get("choices"), place)
        )
    return answers


def _min(row: Values, where: str) -> Judgement:
    """Return the annotation in a row of JSON_MIN."""
    named = {name: _min_value(value) for name, value in row.items() if name not in _MIN_OWN}
    asked = _asked(row)
    heads = {name for name in asked if name.strip().casefold() in VOTES}
    text = sentence({n: v for n, v in named.items() if n not in heads}, where)
    # Which other columns are choices is seen in what they hold, in all of the file.
    answers = {
        name: labels(value, f"{where} field {name}")
        for name, value in named.items()
        if value != text and (name in heads or isinstance(value, str | list))
        if name in asked and may_answer(name, value)
    }
    fields = {n: v for n, v in named.items() if n not in heads and v != text}
    fields |= {n: row[n] for n in ("id", "group", "split") if n in row}
    return Judgement(text, _who(row.get("annotator")), answers, where, fields)


def _asked(row: Values) -> set[str]:
    """Return the columns that may be questions: those of JSON_MIN, all of a CSV."""
    names = list(row)
    if "id" in row and "annotator" in row and names.index("id") < names.index("annotator"):
        return set(names[names.index("id") : names.index("annotator")])
    return set(names)


def _min_value(value: Any) -> Any:
    """Return a choice as a name or a list of names; several come as `{"choices": [...]}`."""
    if isinstance(value, str) and value.startswith('{"choices"'):  # as CSV holds it
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        return value["choices"]
    return value


def _who(completed_by: Any) -> str | None:
    """Return the pseudonym of an annotator given as a number, a mail address or an object."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return pseudonym(completed_by)
