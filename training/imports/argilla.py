"""Argilla: records with responses, as its first and second client wrote them.

The first lists responses, each with a user, a status and values by question; in its datasets a
question is a column of responses, metadata are JSON. The second maps a question to its responses,
nested (`to_json`) or flattened (`to_list`, `to_datasets`). Nested it keeps no status, so there
every response counts as submitted, which is told. Suggestions are not read. Before both, a record
of text classification had one `annotation`, by an `annotation_agent`.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from claimstance.errors import InvalidInput
from training.imports.judgement import (
    Dropped,
    Judgement,
    Values,
    labels,
    may_answer,
    pseudonym,
    sentence,
)

NAME = "Argilla"

_FLAT = ".responses"
_SUGGESTED = ("-suggestion", "-suggestion-metadata")
_RESPONSE = {"user_id", "value", "status"}
_OWN = {"id", "status", "external_id", "_server_id", "vectors", "metadata"}


def fits(row: Values) -> bool:
    """Tell whether `row` has responses: with its fields, flattened, or by question."""
    if isinstance(row.get("fields"), dict) and "responses" in row:
        return True
    return _is_annotated(row) or any(
        name.endswith(_FLAT) or _is_question(value) for name, value in row.items()
    )


def judgements(row: Values, where: str, dropped: Dropped) -> Iterator[Judgement]:
    """Yield what each user submitted; `Tool` tells the rest."""
    if _is_annotated(row):
        yield from _annotated(row, where, dropped)
        return
    nested = isinstance(row.get("fields"), dict)
    values = row["fields"] if nested else _fields(row)
    text = sentence(values, where)
    fields = _object(row, "metadata", where) | {k: v for k, v in values.items() if v != text}
    fields = {k: v for k, v in fields.items() if k not in _OWN}
    fields["id"] = row.get("external_id") or row.get("id")
    found = _nested(row.get("responses"), where) if nested else _columns(row, where)
    if not found:
        dropped["records without a response"] += 1
    # A user's answers to several questions are one judgement; users without a name are kept apart.
    by_user: dict[tuple[str | None, int], dict[str, list[str]]] = defaultdict(dict)
    unsubmitted = set()
    untold = set()
    for response in found:
        who = None if response.user in (None, "None") else pseudonym(response.user)
        key = (who, 0 if who else response.place)
        if response.status not in (None, "submitted"):
            unsubmitted.add((response.status, key))
            continue
        if response.status is None:
            untold.add(key)
        answers = by_user[key]
        if may_answer(response.question, response.value):
            place = f"{where} question {response.question}"
            answers[response.question] = labels(response.value, place)
    for status, _ in unsubmitted:
        dropped[f"{status} responses"] += 1
    for key, answers in by_user.items():
        yield Judgement(text, key[0], answers, where, fields, submitted=key not in untold)


def _is_annotated(row: Values) -> bool:
    """Tell whether `row` is a record of text classification, as there were before responses."""
    return row.keys() >= {"annotation", "annotation_agent", "status"}


def _annotated(row: Values, where: str, dropped: Dropped) -> Iterator[Judgement]:
    inputs = _object(row, "inputs", where)
    text = row["text"] if isinstance(row.get("text"), str) else sentence(inputs, where)
    metadata = _object(row, "metadata", where)
    places = {name: row[name] for name in ("id", "group", "split") if name in row}
    chosen = labels(row["annotation"], f"{where} field annotation")
    if row["status"] == "Discarded":
        dropped["discarded records"] += 1
    elif not chosen:
        dropped["records without a response"] += 1
    else:
        who = pseudonym(row["annotation_agent"])
        yield Judgement(text, who, {"annotation": chosen}, where, metadata | places)


def _fields(row: Values) -> Values:
    """Return what the columns of `row` say that are no questions, suggestions or Argilla's own."""
    return {
        name: value
        for name, value in row.items()
        if "." not in name and name not in _OWN
        if not name.endswith(_SUGGESTED) and not _is_question(value)
    }


def _object(row: Values, name: str, where: str) -> Values:
    """Return an object in a column, or in the JSON that a column holds."""
    value = row.get(name) or {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InvalidInput("is not JSON", f"{where} field {name}") from error
    return dict(value) if isinstance(value, dict) else {}


def _is_question(value: Any) -> bool:
    """Tell whether a column holds responses, as a list of objects or an object of lists."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(r, dict) and r.keys() >= _RESPONSE for r in value)
    return isinstance(value, dict) and value.keys() >= _RESPONSE


class Response(NamedTuple):
    """A user's answer to a question; `place` is its own among the answers to that question."""

    user: Any
    status: Any
    question: str
    value: Any
    place: int


def _nested(responses: Any, where: str) -> list[Response]:
    if isinstance(responses, list):
        return _listed(responses, where)
    if isinstance(responses, dict):
        return _by_question(responses, where)
    if responses is None:
        return []
    raise InvalidInput("must be a list or an object", f"{where} field responses")


def _listed(responses: list[Any], where: str) -> list[Response]:
    found: list[Response] = []
    for number, response in enumerate(responses):
        place = f"{where} field responses[{number}]"
        if not isinstance(response, dict):
            raise InvalidInput("must be an object", place)
        status = str(response.get("status") or "submitted")
        values = response.get("values") or {}
        if status != "submitted":
            found.append(Response(response.get("user_id"), status, "", None, number))
            continue
        if not isinstance(values, dict) or not all(isinstance(v, dict) for v in values.values()):
            raise InvalidInput("needs `values` by question", place)
        found += [
            Response(response.get("user_id"), status, question, value.get("value"), number)
            for question, value in values.items()
        ]
    return found


def _by_question(responses: dict[str, Any], where: str) -> list[Response]:
    found: list[Response] = []
    for question, given in responses.items():
        if not isinstance(given, list) or not all(isinstance(r, dict) for r in given):
            raise InvalidInput("must list responses", f"{where} field responses.{question}")
        found += [
            Response(r.get("user_id"), r.get("status"), question, r.get("value"), place)
            for place, r in enumerate(given)
        ]
    return found


def _columns(row: Values, where: str) -> list[Response]:
    """Return the responses in columns: with those for users and status beside them, or whole."""
    found: list[Response] = []
    for name, value in row.items():
        question = name.removesuffix(_FLAT)
        if _is_question(value):
            if isinstance(value, list):
                value = {key: [response[key] for response in value] for key in _RESPONSE}
            users, states, values = value["user_id"], value["status"], value["value"]
        elif question != name and value is not None:
            users = row.get(f"{name}.users") or [None] * len(value)
            states = row.get(f"{name}.status") or [None] * len(value)
            values = value
        else:
            continue
        if not len(users) == len(states) == len(values):
            raise InvalidInput("needs a user and a status for each response", f"{where} {name}")
        found += [
            Response(user, status, question, answer, place)
            for place, (user, status, answer) in enumerate(zip(users, states, values, strict=True))
        ]
    return found
