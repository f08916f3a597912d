"""Argilla: records with responses, as its first and second client wrote them.

The first lists responses, each with a user, a status and values by question. The second maps a
question to its responses, nested (`to_json`) or flattened (`to_list`, `to_datasets`). Nested it
keeps no status, so there every response counts as submitted. Suggestions are not read.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from claimstance.errors import InvalidInput
from training.imports.judgement import Dropped, Judgement, Values, labels, pseudonym, sentence

NAME = "Argilla"

_FLAT = ".responses"
_OWN = {"id", "status", "external_id", "_server_id", "vectors"}


def fits(row: Values) -> bool:
    """Tell whether `row` has fields with responses, nested or flattened."""
    if isinstance(row.get("fields"), dict) and "responses" in row:
        return True
    return any(name.endswith(_FLAT) for name in row)


def judgements(row: Values, where: str, dropped: Dropped) -> Iterator[Judgement]:
    """Yield what each user submitted; `Tool` tells the rest."""
    responses = row.get("responses")
    nested = isinstance(row.get("fields"), dict)
    values = row["fields"] if nested else {k: v for k, v in row.items() if "." not in k}
    metadata = row.get("metadata") if isinstance(row.get("metadata"), dict) else {}
    text = sentence({k: v for k, v in values.items() if nested or k not in _OWN}, where)
    fields = {**(metadata or {}), **{k: v for k, v in values.items() if v != text}}
    fields = {k: v for k, v in fields.items() if k not in _OWN}
    fields["id"] = row.get("external_id") or row.get("id")
    if not nested:
        found = _flattened(row, where)
    elif isinstance(responses, list):
        found = _listed(responses, where)
    elif isinstance(responses, dict):
        found = _by_question(responses, where)
    elif responses is None:
        found = []
    else:
        raise InvalidInput("must be a list or an object", f"{where} field responses")
    if not found:
        dropped["records without a response"] += 1
    # A user's answers to several questions are one judgement; users without a name are kept apart.
    by_user: dict[tuple[str | None, int], dict[str, list[str]]] = defaultdict(dict)
    for response in found:
        if response.status in (None, "submitted"):
            who = None if response.user in (None, "None") else pseudonym(response.user)
            key = (who, 0 if who else response.place)
            place = f"{where} question {response.question}"
            by_user[key][response.question] = labels(response.value, place)
        else:
            dropped[f"{response.status} responses"] += 1
    for (who, _), answers in by_user.items():
        yield Judgement(text, who, answers, where, fields)


class Response(NamedTuple):
    """A user's answer to a question; `place` is its own among the answers to that question."""

    user: Any
    status: Any
    question: str
    value: Any
    place: int


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


def _flattened(row: Values, where: str) -> list[Response]:
    found: list[Response] = []
    for name, values in row.items():
        if not name.endswith(_FLAT) or values is None:
            continue
        users = row.get(f"{name}.users") or [None] * len(values)
        states = row.get(f"{name}.status") or [None] * len(values)
        if not len(users) == len(states) == len(values):
            raise InvalidInput("needs a user and a status for each response", f"{where} {name}")
        found += [
            Response(user, status, name.removesuffix(_FLAT), value, place)
            for place, (user, status, value) in enumerate(zip(users, states, values, strict=True))
        ]
    return found
