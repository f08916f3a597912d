"""What a client sends and what it gets, without the network: bodies of requests, typed answers."""

import json
import re
from dataclasses import dataclass
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from claimstance.errors import ClaimstanceError, InvalidInput, ServiceFailed
from claimstance.labels import Sentiment, Stance
from claimstance.predictor import Prediction

_Answer = TypeVar("_Answer")
_SENTENCE = re.compile(r"sentences\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class AnalyzedSentence(Prediction):
    """A prediction, and its sentence's place: `text` is the document's `[start:end]`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """A document as the service read it: the version that answered, metadata, sentences."""

    model: str
    metadata: dict[str, str]
    sentences: list[AnalyzedSentence]


@dataclass(frozen=True, slots=True)
class _Classified:
    predictions: list[Prediction]


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the sentences as the body of a request; `start` of them come before."""

    start: int
    count: int
    body: bytes


class Parts:
    """Gathers sentences into requests that the service takes.

    Args:
        sentences: what the sentences come from; refused if it is a string itself.
        limits: those that `GET /model` tells.
        batch: sentences that a request may hold, if the service takes as many.
        model: the version that is to answer, None for the one in production.

    Raises:
        InvalidInput: `sentences` is one string, or `batch` is below 1.
    """

    def __init__(
        self,
        sentences: object,
        limits: dict[str, int],
        batch: int,
        model: str | None = None,
    ) -> None:
        if isinstance(sentences, str | bytes):
            raise InvalidInput("is one string; give a list of sentences", "sentences")
        if batch < 1:
            raise InvalidInput("must be 1 or more", "batch")
        self._most = min(batch, limits["max_sentences"])
        self._model = model
        self._room = limits["max_body_bytes"] - len(self._join([]))
        self._start = 0
        self._items: list[str] = []
        self._size = 0

    def add(self, sentence: str) -> Part | None:
        """Take a sentence; return the request of those before it, if it does not fit in.

        Raises:
            InvalidInput: it is no string; `where` names it.
        """
        if not isinstance(sentence, str):
            place = f"sentences[{self._start + len(self._items)}]"
            raise InvalidInput("must be a string", place)
        item = json.dumps(sentence)
        fits = len(self._items) < self._most and self._size + len(item) < self._room
        full = None if fits else self.rest()
        self._items.append(item)
        self._size += len(item) + 1
        return full

    def rest(self) -> Part | None:
        """Return the request of what has been taken since the last one, if anything has."""
        if not self._items:
            return None
        part = Part(self._start, len(self._items), self._join(self._items))
        self._start += len(self._items)
        self._items, self._size = [], 0
        return part

    def _join(self, items: list[str]) -> bytes:
        model = "" if self._model is None else f'"model":{json.dumps(self._model)},'
        return f'{{{model}"sentences":[{",".join(items)}]}}'.encode()


def document(text: str) -> bytes:
    """Return the body of a request to `/analyze`."""
    return json.dumps({"text": text}).encode()


def correction(
    text: str,
    stance: Stance | None,
    sentiment: Sentiment | None,
    prediction: Prediction | None,
    model: str | None,
) -> bytes:
    """Return the body of a request to `/feedback`."""
    shown = None if prediction is None else prediction.to_dict()
    labels = {"stance": stance, "sentiment": sentiment}
    return json.dumps({"text": text, **labels, "prediction": shown, "model": model}).encode()


def read(kind: type[_Answer], content: bytes) -> _Answer:
    """Return an answer as an object of its type; raises ServiceFailed if it is none."""
    try:
        return TypeAdapter(kind).validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or None
        message = f"the service's answer is not understood ({first['msg']})"
        raise ServiceFailed(message, place) from error


def predictions(part: Part, content: bytes) -> list[Prediction]:
    """Return the predictions in an answer to `part`; raises ServiceFailed if they do not fit."""
    found = read(_Classified, content).predictions
    if len(found) != part.count:
        raise ServiceFailed(f"{part.count} sentences were sent, {len(found)} predictions came")
    return found


def in_place(error: ClaimstanceError, part: Part) -> ClaimstanceError:
    """Return `error` with its place counted among all sentences rather than those of `part`."""
    match = _SENTENCE.fullmatch(error.where or "")
    if match is None:
        return error
    return type(error)(error.message, f"sentences[{part.start + int(match[1])}]")
