"""What a request's body must hold: JSON of the right shape, within the limits."""

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from claimstance.errors import InvalidInput, LimitExceeded
from claimstance.text import has_half_character, is_blank
from serving.schemas import AnalyzeRequest, ClassifyRequest, ExplainRequest, FeedbackRequest
from serving.settings import Limits


def check(schema: type[BaseModel], body: bytes, limits: Limits) -> None:
    """Check a body against its schema and the limits.

    Raises:
        InvalidInput: it is not JSON or does not fit the schema; `where` names the item.
        LimitExceeded: a list or text is too long; `where` names it.
    """
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON ({error})", "body") from error
    try:
        request = schema.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidInput(first["msg"], _place(first["loc"]) or "body") from error
    if isinstance(request, ClassifyRequest):
        if len(request.sentences) > limits.max_sentences:
            raise LimitExceeded(
                f"{len(request.sentences)} sentences sent, at most {limits.max_sentences} are "
                "taken at once; send them in parts",
                "sentences",
            )
        for index, sentence in enumerate(request.sentences):
            _check_sentence(sentence, f"sentences[{index}]", limits)
    elif isinstance(request, ExplainRequest):
        _check_sentence(request.sentence, "sentence", limits)
    elif isinstance(request, FeedbackRequest):
        _check_sentence(request.text, "text", limits)
    elif isinstance(request, AnalyzeRequest):
        if len(request.text) > limits.max_document_characters:
            raise LimitExceeded(
                f"has {len(request.text)} characters, at most "
                f"{limits.max_document_characters} are taken",
                "text",
            )
        _check_text(request.text, "text")


def _check_sentence(sentence: str, where: str, limits: Limits) -> None:
    if len(sentence) > limits.max_characters:
        raise LimitExceeded(
            f"has {len(sentence)} characters, at most {limits.max_characters} are taken; "
            "send a document to /analyze",
            where,
        )
    _check_text(sentence, where)


def _check_text(text: str, where: str) -> None:
    if has_half_character(text):
        raise InvalidInput("holds half of a surrogate pair, which is no character", where)
    if is_blank(text):
        raise InvalidInput("is empty or blank", where)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, refusing a key given twice: which one was meant cannot be known."""
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is given twice")
    return result


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _place(location: tuple[int | str, ...]) -> str:
    """Spell a place the way the body does: `sentences[3]`."""
    place = ""
    for step in location:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else step
    return place
