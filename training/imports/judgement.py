"""What one annotator said of one sentence, in the words of the tool it was said in."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from claimstance.errors import InvalidInput

Values = dict[str, Any]
"""One row of an export, by field name."""

Dropped = Counter[str]
"""How often something was left out, by why."""

VOTES = {"stance": "stance_votes", "sentiment": "sentiment_votes"}
"""The fields that keep how many annotators gave each label of a head, where they disagreed."""

TEXT_FIELDS = ("text", "sentence", "tweet")
"""What the field with the sentence is called, the likelier first."""

ANNOTATOR_FIELDS = (
    *("annotator", "annotator_id", "annotator_name", "annotator_email", "username"),
    *("labeler", "labeller", "labeled_by", "labelled_by", "completed_by"),
    *("rater", "coder", "worker_id", "workerid"),
)
"""What the column of a table that names the annotator is called, the likelier first."""

_PEOPLE = {
    *ANNOTATOR_FIELDS,
    *("annotators", "assignee", "created_by", "updated_by", "reviewer", "worker"),
    *("user", "user_id", "user_name", "user_email", "email", "e_mail", "mail", "key"),
}
"""Fields that name a person; `key` is the name of an API key, in this project's feedback."""

_ADDRESS = re.compile(r"\s*[^@\s]+@[^@\s]+\.[^@\s]+\s*")


@dataclass(frozen=True, slots=True)
class Judgement:
    """One annotator's labels for one sentence.

    `answers` maps a question (the tool's name for a set of labels) to the labels chosen.
    `annotator` is a pseudonym, None where nobody is named. `fields` holds what else is known of
    the sentence: `id`, `group`, `split`, and columns to report by.
    """

    text: str
    annotator: str | None
    answers: dict[str, list[str]]
    where: str
    fields: Values = field(default_factory=dict)


class Tool(Protocol):
    """A module that understands the exports of one annotation tool."""

    NAME: str

    def fits(self, row: Values, /) -> bool:
        """Tell by its structure whether the tool wrote `row`."""

    def judgements(self, row: Values, where: str, dropped: Dropped, /) -> Iterator[Judgement]:
        """Yield what annotators said in `row`, counting in `dropped` what is left out.

        Raises:
            InvalidInput: the row is not as the tool documents it; the place and field are named.
        """


def pseudonym(who: Any) -> str | None:
    """Return what stands for an annotator: a SHA-256's first 12 digits, None for nobody.

    Args:
        who: a name, a mail address or a number; case and outer space do not count.
    """
    name = "" if who is None else str(who).strip().casefold()
    return hashlib.sha256(name.encode()).hexdigest()[:12] if name else None


def plainly(field: str) -> str:
    """Return a field's name without regard to capitals, spaces and hyphens: `annotator_id`."""
    return re.sub(r"\W+", "_", field.strip().casefold())


def names_a_person(field: str) -> bool:
    """Tell whether a field is called for a person, who is then named in it."""
    return plainly(field) in _PEOPLE


def is_address(value: Any) -> bool:
    """Tell whether a value is a mail address."""
    return isinstance(value, str) and bool(_ADDRESS.fullmatch(value))


def sentence(values: Values, where: str) -> str:
    """Return the sentence among `values`: the field named for it, else the only text there.

    Raises:
        InvalidInput: there is none, or it is not clear which.
    """
    called = {plainly(name): name for name in values}
    for known in TEXT_FIELDS:
        if isinstance(text := values.get(called.get(known, "")), str):
            return text
    texts = [name for name, value in values.items() if isinstance(value, str)]
    if len(texts) == 1:
        return str(values[texts[0]])
    raise InvalidInput(
        f"must hold the sentence in a field `text` (there are: {', '.join(map(str, values))})",
        where,
    )


def labels(value: Any, where: str) -> list[str]:
    """Return the labels in `value`: a name or number, or a list of them; none when it is empty.

    Raises:
        InvalidInput: it holds something else than names.
    """
    found = _items(value)
    if not _are_names(found):
        raise InvalidInput("must be labels of the whole sentence, by name", where)
    return [str(item) for item in found]


def may_answer(question: str, value: Any) -> bool:
    """Tell whether `value` can be labels: all can that is asked of a head, else names alone.

    A question that wants a ranking or parts of the sentence is of another matter.
    """
    return question.strip().casefold() in VOTES or _are_names(_items(value))


def _items(value: Any) -> list[Any]:
    found = value if isinstance(value, list) else [value]
    return [item for item in found if item not in (None, "")]


def _are_names(items: list[Any]) -> bool:
    return all(isinstance(item, str | int) for item in items)
