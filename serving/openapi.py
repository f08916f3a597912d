"""What `/docs.json` says: the service's OpenAPI document, made from the schemas that it enforces.

BentoML's own knows neither the gate's refusals nor the one error shape.
"""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving import schemas
from serving.settings import Limits

_COMPONENT = "#/components/schemas/{model}"

_OPERATIONS: dict[str, tuple[str, type[BaseModel], HTTPStatus, type[BaseModel]]] = {
    "/classify": (
        "Classify sentences: one prediction per sentence, in the order sent",
        schemas.ClassifyRequest,
        HTTPStatus.OK,
        schemas.ClassifyResponse,
    ),
    "/analyze": (
        "Split a document into sentences and classify each, with offsets into the text as sent",
        schemas.AnalyzeRequest,
        HTTPStatus.OK,
        schemas.AnalyzeResponse,
    ),
    "/explain": (
        "Weigh a sentence's words: how the score changes when one is left out",
        schemas.ExplainRequest,
        HTTPStatus.OK,
        schemas.ExplainResponse,
    ),
    "/feedback": (
        "Keep a correction of a sentence's labels; answered once it is on the disk",
        schemas.FeedbackRequest,
        HTTPStatus.CREATED,
        schemas.FeedbackResponse,
    ),
}
"""Path to summary, request, status of success, and response."""

_REFUSALS = {
    HTTPStatus.UNAUTHORIZED: "An API key is needed, and none that is known was sent",
    HTTPStatus.FORBIDDEN: "There are no API keys, and the caller is another machine",
    HTTPStatus.NOT_FOUND: "There is no model version of that name",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "A limit of GET /model is exceeded; `where` names what",
    HTTPStatus.MISDIRECTED_REQUEST: "There are no API keys, and the host is not this machine",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not application/json",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The body does not fit the schema; `where` names the item",
    HTTPStatus.TOO_MANY_REQUESTS: "Too much is waiting, or the caller's rate is used up",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The service failed",
    HTTPStatus.SERVICE_UNAVAILABLE: "Something that the service needs cannot be used now",
    HTTPStatus.GATEWAY_TIMEOUT: "The request was not answered in time",
}
"""What may be answered to work."""

_TO_READERS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.MISDIRECTED_REQUEST)
"""What may be answered to those who read `/model`."""

_HEADERS = {
    HTTPStatus.UNAUTHORIZED: "WWW-Authenticate",
    HTTPStatus.TOO_MANY_REQUESTS: "Retry-After",
}


def document(limits: Limits) -> dict[str, Any]:
    """Return the OpenAPI document of an installation with these limits."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Claimstance",
            "version": "1",
            "summary": "Stance on sovereignty claims and sentiment, sentence by sentence.",
            "description": (
                "Scores are calibrated probabilities. What cannot be read is refused whole, with "
                "the item named. Limits are those of this installation. A request may bring an "
                "`X-Request-ID`; every response has one."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            **{path: {"post": _post(*operation)} for path, operation in _OPERATIONS.items()},
            "/model": {
                "get": {
                    "summary": "The version that answers, its labels, the limits, and how it did",
                    "operationId": "model",
                    "security": [{}, {"key": []}],
                    "responses": {
                        **_success(HTTPStatus.OK, schemas.ModelResponse),
                        **_refusals(*_TO_READERS),
                    },
                }
            },
        },
        "components": {
            "schemas": _schemas(limits),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, where the installation has any.",
                }
            },
        },
    }


def _post(
    summary: str, request: type[BaseModel], status: HTTPStatus, response: type[BaseModel]
) -> dict[str, Any]:
    return {
        "summary": summary,
        "operationId": request.__name__.removesuffix("Request").lower(),
        "security": [{}, {"key": []}],
        "requestBody": {"required": True, "content": _json(request)},
        "responses": {**_success(status, response), **_refusals(*_REFUSALS)},
    }


def _success(status: HTTPStatus, model: type[BaseModel]) -> dict[str, Any]:
    return {str(status.value): _response(model.__doc__ or "", model, "X-Request-ID")}


def _refusals(*statuses: HTTPStatus) -> dict[str, Any]:
    found = {}
    for status in statuses:
        headers = ["X-Request-ID", *([_HEADERS[status]] if status in _HEADERS else [])]
        found[str(status.value)] = _response(_REFUSALS[status], schemas.ErrorResponse, *headers)
    return found


def _response(description: str, model: type[BaseModel], *headers: str) -> dict[str, Any]:
    return {
        "description": " ".join(description.split()),
        "headers": {name: {"required": True, "schema": {"type": "string"}} for name in headers},
        "content": _json(model),
    }


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _COMPONENT.format(model=model.__name__)}}}


def _schemas(limits: Limits) -> dict[str, Any]:
    """Return the schemas of all bodies, with the limits of this installation in them."""
    requests = [request for _, request, _, _ in _OPERATIONS.values()]
    responses = [response for *_, response in _OPERATIONS.values()]
    responses += [schemas.ModelResponse, schemas.ErrorResponse]
    _, generated = models_json_schema(
        [(model, "validation") for model in requests + responses], ref_template=_COMPONENT
    )
    found: dict[str, Any] = generated["$defs"]
    longest = {
        "ExplainRequest": ("sentence", limits.max_characters),
        "FeedbackRequest": ("text", limits.max_characters),
        "AnalyzeRequest": ("text", limits.max_document_characters),
    }
    for name, (field, characters) in longest.items():
        found[name]["properties"][field] |= {"minLength": 1, "maxLength": characters}
    sentences = found["ClassifyRequest"]["properties"]["sentences"]
    sentences["maxItems"] = limits.max_sentences
    sentences["items"] |= {"minLength": 1, "maxLength": limits.max_characters}
    return found
