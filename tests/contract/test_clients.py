"""The clients against the service itself."""

import asyncio
import subprocess
import sys

import httpx
import pytest

from claimstance import Predictor, Sentiment, Stance
from claimstance.client import AsyncClient, Client
from claimstance.errors import InvalidInput, LimitExceeded
from tests.contract.test_service import TEXT

SENTENCES = [f"The {number}th reef is ours." for number in range(130)]  # 50 may be sent at once


@pytest.fixture
def url(service: httpx.Client) -> str:
    return str(service.base_url)


def test_predictions_are_those_of_the_model(url: str, released: Predictor) -> None:
    with Client(url) as client:
        predictions = client.classify(SENTENCES)
    expected = released.predict(SENTENCES)
    assert [p.stance for p in predictions] == [p.stance for p in expected]
    assert [p.tokens for p in predictions] == [p.tokens for p in expected]
    for one, other in zip(predictions, expected, strict=True):
        assert one.stance_scores == pytest.approx(other.stance_scores, abs=1e-3)
        assert isinstance(one.stance, Stance)
        assert list(one.sentiment_scores) == list(Sentiment)


def test_both_clients_give_the_same(url: str) -> None:
    async def ask() -> list[Stance]:
        async with AsyncClient(url) as client:
            first = [p.stance for p in await client.classify(SENTENCES)]
            assert first == [p.stance async for p in client.stream(iter(SENTENCES), batch=7)]
            assert (await client.analyze(TEXT)).metadata["id"] == "40177"
            assert (await client.feedback("It rained.", stance=Stance.NEUTRAL)).id > 0
            assert (await client.model())["version"]
            return first

    with Client(url) as client:
        stances = [p.stance for p in client.stream(SENTENCES)]
    assert asyncio.run(ask()) == stances


def test_a_document_comes_back_with_places_and_can_be_corrected(url: str) -> None:
    with Client(url) as client:
        analysis = client.analyze(TEXT)
        assert [TEXT[s.start : s.end] for s in analysis.sentences] == [
            s.text for s in analysis.sentences
        ]
        sentence = analysis.sentences[0]
        kept = client.feedback(
            sentence.text,
            stance=Stance.FIRM,
            sentiment=Sentiment.NEGATIVE,
            prediction=sentence,
            model=analysis.model,
        )
        assert kept.id > 0
        with pytest.raises(InvalidInput):
            client.feedback(sentence.text)


def test_refusals_are_raised_and_name_the_sentence(url: str) -> None:
    with Client(url) as client:
        with pytest.raises(InvalidInput) as blank:
            client.classify([*SENTENCES[:70], " "])
        assert blank.value.where == "sentences[70]"
        with pytest.raises(InvalidInput) as half:
            client.classify([*SENTENCES[:70], "half \ud800"])
        assert half.value.where == "sentences[70]"
        with pytest.raises(LimitExceeded) as long:
            client.classify([*SENTENCES[:51], "a" * 20_001])
        assert long.value.where == "sentences[51]"


def test_without_httpx_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['httpx'] = None\n"
        "from claimstance.errors import NotInstalled\n"
        "try:\n    import claimstance.client\n"
        "except NotInstalled as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "claimstance[client]" in done.stdout
