"""`POST /feedback`: what is acknowledged is kept, whatever happens to the server or the store."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from claimstance import feedback
from claimstance.feedback import Store
from serving import schemas
from tests.conftest import ROOT
from tests.contract.conftest import serving, started_before
from tests.contract.test_service import error, post
from tests.postgresql import running

COMMAND = [sys.executable, "-m", "serving"]


def test_what_classify_gave_is_taken_back_with_a_correction(service: httpx.Client) -> None:
    answer = post(service, "/classify", {"sentences": ["They agreed to talk."]}).json()
    body = {
        "text": "They agreed to talk.",
        "stance": "neutral",
        "sentiment": "positive",
        "prediction": answer["predictions"][0],
        "model": answer["model"],
    }
    response = post(service, "/feedback", body)
    assert response.status_code == 201
    first = schemas.FeedbackResponse.model_validate(response.json())
    assert first.time.endswith("+00:00")
    second = post(service, "/feedback", {"text": "They agreed to talk.", "stance": "firm"})
    assert second.json()["id"] > first.id


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_a_prediction_with_more_than_classify_gives_is_refused_and_not_logged(
    store: Path,
) -> None:
    with serving(store, COMMAND) as client:
        sentences = {"sentences": ["They agreed to talk."]}
        (shown,) = post(client, "/classify", sentences).json()["predictions"]
        body = {"text": "They agreed to talk.", "stance": "firm"}
        for more in ({"x": "half \ud800"}, {"x": nested(250)}, {"half \ud800": 1}):
            response = post(client, "/feedback", body | {"prediction": shown | more})
            assert response.status_code == 422
            assert str(error(response).where).startswith("prediction")
    assert "They agreed" not in (store / "serve.log").read_text()


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({"text": "a"}, 422, None),
        ({"text": "a", "stance": None, "sentiment": None}, 422, None),
        ({"text": "a", "stance": "bold"}, 422, "stance"),
        ({"text": "a", "stance": "negative"}, 422, "stance"),
        ({"text": "a", "sentiment": 1}, 422, "sentiment"),
        ({"text": "", "stance": "firm"}, 422, "text"),
        ({"text": 5, "stance": "firm"}, 422, "text"),
        ({"text": "half \ud800", "stance": "firm"}, 422, "text"),
        ({"text": "a\0b", "stance": "firm"}, 422, "text"),
        ({"text": "a" * 20_001, "stance": "firm"}, 413, "text"),
        ({"text": "a", "stance": "firm", "key": "me"}, 422, "key"),
        ({"text": "a", "stance": "firm", "model": "x" * 500}, 422, "model"),
        ({"text": "a", "stance": "firm", "prediction": "firm"}, 422, "prediction"),
        (
            {"text": "a", "stance": "firm", "prediction": {"stance": "firm"}},
            422,
            "prediction.stance_scores",
        ),
        ({"stance": "firm"}, 422, "text"),
    ],
)
def test_bad_input_is_refused_and_named(
    service: httpx.Client, body: Any, status: int, where: str | None
) -> None:
    response = post(service, "/feedback", body)
    assert response.status_code == status
    assert error(response).where == where


def test_a_killed_server_loses_no_acknowledged_correction(store: Path) -> None:
    others = set(psutil.Process().children(recursive=True))
    acknowledged: list[str] = []
    some = threading.Event()
    with serving(started_before(store), COMMAND) as client:
        server = set(psutil.Process().children(recursive=True)) - others

        def send() -> None:
            for number in range(1_000):
                text = f"Case {number} was heard."
                try:
                    response = post(client, "/feedback", {"text": text, "stance": "neutral"})
                except httpx.TransportError:
                    return
                assert response.status_code == 201
                acknowledged.append(text)
                if number == 20:
                    some.set()

        sender = threading.Thread(target=send)
        sender.start()
        assert some.wait(60)
        for process in server:
            process.kill()
        sender.join(60)
        kept = {row["text"] for row in Store.open().export().rows}
    assert 20 < len(acknowledged) < 1_000
    assert kept >= set(acknowledged)
    with serving(store, COMMAND) as client:
        assert post(client, "/feedback", {"text": "More.", "stance": "firm"}).status_code == 201
    assert Store.open().count() == len(kept) + 1


def test_without_its_database_the_service_classifies_and_says_so(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as database:
        monkeypatch.setenv(feedback.URL, database.database())
        with serving(started_before(store), COMMAND) as client:
            body = {"text": "The reef is ours.", "stance": "firm"}
            assert post(client, "/feedback", body).status_code == 201
            database.stop()
            response = post(client, "/feedback", body)
            assert response.status_code == 503
            assert error(response).code == "feedback_unavailable"
            assert str(database.port) not in json.dumps(response.json())
            assert post(client, "/classify", {"sentences": ["Ours."]}).status_code == 200
            database.start()
            assert post(client, "/feedback", body).status_code == 201
        assert Store.open().count() == 2


def test_with_a_file_that_cannot_be_opened_it_classifies_too(store: Path) -> None:
    (store / "claimstance" / "feedback.sqlite3").mkdir(parents=True)
    with serving(started_before(store), COMMAND) as client:
        response = post(client, "/feedback", {"text": "The reef is ours.", "stance": "firm"})
        assert response.status_code == 503
        assert error(response).code == "feedback_unavailable"
        assert post(client, "/classify", {"sentences": ["Ours."]}).status_code == 200
    assert "unable to open database file" in (store / "serve.log").read_text()


def test_an_address_that_cannot_be_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(feedback.URL, "mysql://somewhere/else")
    done = subprocess.run(
        [*COMMAND, "--port", "0"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 1
    assert done.stderr == f"claimstance: {feedback.URL}: must begin with postgresql://\n"
