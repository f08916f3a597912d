"""What one annotator said of one sentence, in the words of the tool it was said in."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
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
    *("assignee", "worker", "annotation_agent"),
    *("user", "user_id", "user_name", "user_email", "email", "e_mail", "mail", "key"),
}
"""Fields that name a person; `key` is the name of an API key, in this project's feedback."""

_PERSON = re.compile(
    r"(.*_)?(annotator|approver|reviewer|labell?er|rater|coder|adjudicator)s?(_?(id|name|email|\d+))*"
    r"|.*(ed|en)_by"
)
"""How fields are called that name those who labelled, whatever else is in the name."""

_FRACTION = re.compile(r"(?<=\d)\.0\Z")
"""What a column with gaps adds to whole numbers."""

_LINK = re.compile(r"\s*\w+://\S+\s*")
"""An address of the web, which is no sentence."""

_ADDRESS = re.compile(r"\s*[^@\s]+@[^@\s]+\.[^@\s]+\s*")


@dataclass(frozen=True, slots=True)
class Judgement:
    """One annotator's labels for one sentence.

    `answers` maps a question (the tool's name for a set of labels) to the labels chosen.
    `annotator` is a pseudonym, None where nobody is named. `fields` holds what else is known of
    the sentence: `id`, `group`, `split`, and columns to report by. `submitted` is unset where the
    export does not tell whether the annotator had finished.
    """

    text: str
    annotator: str | None
    answers: dict[str, list[str]]
    where: str
    fields: Values = field(default_factory=dict)
    submitted: bool = True


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
    name = plainly(field)
    return name in _PEOPLE or bool(_PERSON.fullmatch(name))


def is_address(value: Any) -> bool:
    """Tell whether a value is a mail address."""
    return isinstance(value, str) and bool(_ADDRESS.fullmatch(value))


def sentence(values: Values, where: str) -> str:
    """Return the sentence among `values`: the field named for it, else the only text there.

    Raises:
        InvalidInput: there is none, or it is not clear which.
    """
    if name := text_field(values, where):
        return str(values[name])
    texts = [v for v in values.values() if isinstance(v, str) and not _LINK.fullmatch(v)]
    if len(texts) == 1:
        return texts[0]
    raise InvalidInput(
        f"must hold the sentence in a field `text` (there are: {', '.join(map(str, values))})",
        where,
    )


def text_field(values: Values, where: str) -> str | None:
    """Return the field that is named for the sentence, None where none is.

    Raises:
        InvalidInput: two are, and hold different texts.
    """
    named = [n for n, v in values.items() if plainly(n) in TEXT_FIELDS and isinstance(v, str)]
    if len({values[name] for name in named}) > 1:
        raise InvalidInput(
            f"has {' and '.join(map(repr, named))}; leave only the one that was labelled", where
        )
    return named[0] if named else None


def labels(value: Any, where: str) -> list[str]:
    """Return the labels in `value`: a name or number, or a list of them; none when it is empty.

    Numbers are whole; where a column has gaps, many programs write 1 as 1.0, and a gap as NaN.

    Raises:
        InvalidInput: it holds something else than names.
    """
    found = _items(value)
    if not _are_names(found):
        raise InvalidInput("must be labels of the whole sentence, by name", where)
    return [_FRACTION.sub("", str(item)) for item in found]


def leading(labels: Sequence[str]) -> str | None:
    """Return the label that is there more often than any other, None at a tie."""
    first, second = (*Counter(labels).most_common(2), ("", 0), ("", 0))[:2]
    return first[0] if first[1] > second[1] else None


def may_answer(question: str, value: Any) -> bool:
    """Tell whether `value` can be labels: all can that is asked of a head, else names alone.

    A question that wants a ranking or parts of the sentence is of another matter.
    """
    return question.strip().casefold() in VOTES or _are_names(_items(value))


def _items(value: Any) -> list[Any]:
    found = value if isinstance(value, list) else [value]
    return [item for item in found if item not in (None, "") and item == item]  # NaN is not


def _are_names(items: list[Any]) -> bool:
    return all(
        isinstance(item, str | int) or (isinstance(item, float) and item.is_integer())
        for item in items
    )
