"""`POST /explain`, against the service started as the README says."""

from typing import Any

import httpx
import pytest

from claimstance import Predictor, occlusion
from serving import schemas
from tests.contract.test_service import error, post

SENTENCE = "The islands – 🏝️ – are an inseparable part of our territory."


def test_each_words_change_is_that_of_the_sentence_without_it(
    service: httpx.Client, released: Predictor
) -> None:
    response = post(service, "/explain", {"sentence": SENTENCE})
    assert response.status_code == 200
    body = schemas.ExplainResponse.model_validate(response.json())
    assert (body.model, body.method) == (released.model.tag, "occlusion")
    assert [SENTENCE[w.start : w.end] for w in body.words] == [w.text for w in body.words]
    (whole,) = released.predict([SENTENCE])
    assert body.stance == whole.stance
    assert body.score == pytest.approx(whole.stance_scores[whole.stance], abs=1e-3)
    without = [occlusion.without(SENTENCE, w) for w in occlusion.words(SENTENCE)]
    expected = occlusion.changes(whole, released.predict(without))
    assert [w.change for w in body.words] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("body", "status", "code", "where"),
    [
        ({"sentence": ""}, 422, "invalid_input", "sentence"),
        ({"sentence": "Reef."}, 422, "invalid_input", "sentence"),
        ({"sentence": "... !"}, 422, "invalid_input", "sentence"),
        ({"sentence": "half \ud800"}, 422, "invalid_input", "sentence"),
        ({"sentence": 5}, 422, "invalid_input", "sentence"),
        ({}, 422, "invalid_input", "sentence"),
        ({"sentence": "a b", "more": 1}, 422, "invalid_input", "more"),
        ({"sentence": "word " * 101}, 413, "limit_exceeded", "sentence"),
        ({"sentence": "a b" * 10_000}, 413, "limit_exceeded", "sentence"),
    ],
)
def test_bad_input_is_refused_and_named(
    service: httpx.Client, body: Any, status: int, code: str, where: str
) -> None:
    response = post(service, "/explain", body)
    assert response.status_code == status
    found = error(response)
    assert (found.code, found.where) == (code, where)


def test_a_hundred_words_are_weighed(service: httpx.Client) -> None:
    response = post(service, "/explain", {"sentence": "word " * 100})
    assert len(response.json()["words"]) == 100
