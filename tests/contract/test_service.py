"""The HTTP contract, against the service started as the README says."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from claimstance import SENTIMENTS, STANCES, Predictor
from serving import schemas
from tests.claimstance.test_documents import EXPORT

TEXT = EXPORT.replace("We made", "Nous avons — “made” 🙂")


def post(service: httpx.Client, path: str, body: Any) -> httpx.Response:
    headers = {"content-type": "application/json"}
    return service.post(path, content=json.dumps(body), headers=headers)


def error(response: httpx.Response) -> schemas.ErrorBody:
    assert response.headers["content-type"] == "application/json"
    return schemas.ErrorResponse.model_validate(response.json(), strict=True).error


def test_classify(service: httpx.Client, released: Predictor) -> None:
    sentences = ["The reef is ours.", "They agreed to talk.", "It rained."]
    response = post(service, "/classify", {"sentences": sentences})
    assert response.status_code == 200
    body = schemas.ClassifyResponse.model_validate(response.json())
    assert body.model == released.model.tag
    for prediction, expected in zip(body.predictions, released.predict(sentences), strict=True):
        assert prediction.stance == expected.stance
        assert list(prediction.stance_scores) == list(STANCES)
        assert list(prediction.sentiment_scores) == list(SENTIMENTS)
        assert sum(prediction.stance_scores.values()) == pytest.approx(1)
        assert sum(prediction.sentiment_scores.values()) == pytest.approx(1)
        assert prediction.stance_scores == pytest.approx(expected.stance_scores, abs=1e-3)
        assert prediction.tokens == expected.tokens


def test_analyze_gives_offsets_into_the_text_as_sent(service: httpx.Client) -> None:
    response = post(service, "/analyze", {"text": TEXT})
    assert response.status_code == 200
    body = schemas.AnalyzeResponse.model_validate(response.json())
    assert [TEXT[s.start : s.end] for s in body.sentences] == [s.text for s in body.sentences]
    assert len(body.sentences) == 2
    assert body.metadata["id"] == "40177"
    assert body.summary.sentences == 2
    for counts in (body.summary.stance, body.summary.sentiment):
        assert sum(label.count for label in counts.values()) == 2
        assert sum(label.share for label in counts.values()) == pytest.approx(1)


def test_model_describes_what_answers(service: httpx.Client, released: Predictor) -> None:
    body = schemas.ModelResponse.model_validate(service.get("/model").json())
    assert body.model == released.model.tag
    assert body.limits.max_sentences == 50
    assert body.corpus_fingerprint == released.model.corpus.fingerprint
    assert body.stance.labels == list(STANCES)


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/metrics", "/docs.json"])
def test_what_an_operator_asks_for_is_there(service: httpx.Client, path: str) -> None:
    assert service.get(path).status_code == 200


def test_the_openapi_document_has_the_endpoints(service: httpx.Client) -> None:
    document = service.get("/docs.json").json()
    assert {"/classify", "/analyze"} <= set(document["paths"])


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "where"),
    [
        ("/classify", {"sentences": []}, 422, "invalid_input", "sentences"),
        ("/classify", {"sentences": ["Fine.", ""]}, 422, "invalid_input", "sentences[1]"),
        ("/classify", {"sentences": ["\u200b\n"]}, 422, "invalid_input", "sentences[0]"),
        ("/classify", {"sentences": ["Fine.", None]}, 422, "invalid_input", "sentences[1]"),
        ("/classify", {"sentences": ["\ud800 half"]}, 422, "invalid_input", "sentences[0]"),
        ("/classify", {"sentences": ["Fine.", 1]}, 422, "invalid_input", "sentences[1]"),
        ("/classify", {"sentences": "Fine."}, 422, "invalid_input", "sentences"),
        ("/classify", {"sentences": {"0": "a"}}, 422, "invalid_input", "sentences"),
        ("/classify", {}, 422, "invalid_input", "sentences"),
        ("/classify", {"sentences": ["a"], "more": 1}, 422, "invalid_input", "more"),
        ("/classify", [], 422, "invalid_input", "body"),
        ("/classify", {"sentences": ["a"] * 51}, 413, "limit_exceeded", "sentences"),
        ("/classify", {"sentences": ["a", "b" * 20_001]}, 413, "limit_exceeded", "sentences[1]"),
        ("/classify", {"sentences": ["b" * 4_000_001]}, 413, "limit_exceeded", "body"),
        ("/analyze", {"text": ""}, 422, "invalid_input", "text"),
        ("/analyze", {"text": " ... "}, 422, "invalid_input", "text"),
        ("/analyze", {"text": 5}, 422, "invalid_input", "text"),
        ("/analyze", {"text": "a" * 1_000_001}, 413, "limit_exceeded", "text"),
    ],
)
def test_bad_input_is_refused_and_named(
    service: httpx.Client, path: str, body: Any, status: int, code: str, where: str
) -> None:
    response = post(service, path, body)
    assert response.status_code == status
    found = error(response)
    assert (found.code, found.where) == (code, where)
    assert found.message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"nope",
        b"\xff\xfe",
        b'{"sentences": ["a"], "sentences": ["b"]}',
        b'{"sentences": [NaN]}',
        b"[" * 100_000,
        b'{"sentences": ["a"]',
    ],
)
def test_what_is_not_json_is_refused(service: httpx.Client, content: bytes) -> None:
    response = service.post(
        "/classify", content=content, headers={"content-type": "application/json"}
    )
    assert response.status_code == 422
    assert error(response).where == "body"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/vnd.bentoml+pickle", ""],
)
def test_only_json_is_taken(service: httpx.Client, content_type: str) -> None:
    content = json.dumps({"sentences": ["A."]})
    response = service.post("/classify", content=content, headers={"content-type": content_type})
    assert response.status_code == 415
    assert error(response).code == "unsupported_media_type"


@pytest.mark.parametrize(
    "other", ["multipart/form-data", "application/vnd.bentoml+pickle", "application/json"]
)
@pytest.mark.parametrize("first", [True, False])
def test_a_second_content_type_is_refused(service: httpx.Client, other: str, first: bool) -> None:
    names = ["application/json", other]
    headers = [("content-type", name) for name in (names[::-1] if first else names)]
    response = service.post("/classify", content=json.dumps({"sentences": ["A."]}), headers=headers)
    assert response.status_code == 415
    assert error(response).code == "unsupported_media_type"


def test_a_body_without_a_declared_length_is_cut_off_at_the_limit(service: httpx.Client) -> None:
    def endless() -> Any:
        for _ in range(100):
            yield b" " * 100_000

    response = service.post(
        "/classify", content=endless(), headers={"content-type": "application/json"}
    )
    assert response.status_code == 413


def test_unknown_paths_and_methods(service: httpx.Client) -> None:
    assert error(service.get("/nothing")).code == "not_found"
    response = service.get("/classify")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert service.post("/model", json={}).status_code == 405


@pytest.mark.parametrize(
    "sentence",
    ["\u0000 with NUL", "مرحبا بالعالم", "a\u0301" * 500, "🏝️" * 50, "<b>&amp;"],
)
def test_strange_text_is_classified(service: httpx.Client, sentence: str) -> None:
    response = service.post(
        "/classify",
        content=json.dumps({"sentences": [sentence]}),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 200
    assert len(response.json()["predictions"]) == 1


def test_bad_requests_do_not_disturb_others(service: httpx.Client) -> None:
    def one(number: int) -> tuple[int, int]:
        bad = number % 3 == 0
        sentences = [f"Case {number} was heard."] * 5 + ([""] if bad else [])
        return (422 if bad else 200), post(
            service, "/classify", {"sentences": sentences}
        ).status_code

    with ThreadPoolExecutor(16) as pool:
        for expected, actual in pool.map(one, range(120)):
            assert actual == expected
