"""Versions that come and go while the service answers."""

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from claimstance import Predictor, bundle, registry
from claimstance.client import Client
from claimstance.errors import ModelNotFound
from serving import schemas
from tests.contract.conftest import serving

SENTENCES = ["The reef is ours.", "Both sides agreed to talk.", "It rained on Tuesday."]


@pytest.fixture(scope="module")
def home(tiny_version: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BentoML home with the released version, the tiny one, and a damaged one."""
    home = tmp_path_factory.mktemp("switched")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(home))
        registry.add(bundle.released())
        registry.add(tiny_version)
        damaged = home / "models" / bundle.NAME / "damaged"
        shutil.copytree(tiny_version, damaged)
        manifest = bundle.read_manifest(damaged).model_copy(update={"version": "damaged"})
        bundle.write_manifest(damaged, manifest)
        graph = damaged / bundle.GRAPH_WEIGHTS
        graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    return home


@pytest.fixture(scope="module")
def switching(home: Path) -> Iterator[httpx.Client]:
    """A service on that home, told to have a shadow that is not there."""
    with serving(home, [sys.executable, "-m", "serving"], SHADOW="unheard-of") as client:
        # Between two requests a test may wait as long as the server keeps a connection open.
        client.headers["connection"] = "close"
        yield client


@pytest.fixture(autouse=True)
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(home))


def classify(client: httpx.Client, model: str | None = None) -> httpx.Response:
    body: dict[str, Any] = {"sentences": SENTENCES}
    return client.post("/classify", json=body if model is None else body | {"model": model})


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def promote(client: httpx.Client, version: str) -> None:
    """Promote a version and wait until the service answers with it."""
    registry.promote(version, force=True)
    eventually(lambda: client.get("/model").json()["version"] == version, version)


def sample(client: httpx.Client, name: str) -> float:
    """Return the value of a series, named as `/metrics` shows it; 0 where it is not there."""
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[-1])
    return 0.0


def scores(body: dict[str, Any]) -> list[float]:
    parsed = schemas.ClassifyResponse.model_validate(body)
    return [score for p in parsed.predictions for score in p.stance_scores.values()]


def test_promoting_back_and_forth_under_load_fails_and_mixes_nothing(
    switching: httpx.Client, released: Predictor, tiny_version: Path
) -> None:
    right = {}
    for predictor in (released, Predictor(tiny_version)):
        predictions = predictor.predict(SENTENCES)
        right[predictor.model.tag] = [x for p in predictions for x in p.stance_scores.values()]
    tags = list(right)
    # Otherwise no answer could tell which version it is from.
    assert max(abs(a - b) for a, b in zip(*right.values(), strict=True)) > 0.2
    enough = threading.Event()

    def traffic(_: int) -> list[httpx.Response]:
        answers = []
        with httpx.Client(base_url=switching.base_url, timeout=30) as client:
            while not enough.is_set():
                answers.append(classify(client))
                answers.append(client.post("/analyze", json={"text": "\n\n".join(SENTENCES)}))
        return answers

    promote(switching, tags[0].split(":")[1])
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(traffic, number) for number in range(4)]
        try:
            for number in range(4):
                promote(switching, tags[(number + 1) % 2].split(":")[1])
        finally:
            enough.set()
        answers = [answer for task in running for answer in task.result()]
    seen = set()
    for answer in answers:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        seen.add(body["model"])
        predictions = body.get("predictions") or body["sentences"]
        found = scores({"model": body["model"], "predictions": _bare(predictions)})
        assert found == pytest.approx(right[body["model"]], abs=1e-3)
    assert seen == set(tags)


def _bare(predictions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    fields = schemas.SentencePrediction.model_fields
    return [{name: p[name] for name in fields} for p in predictions]


def test_a_rollback_is_picked_up_too(switching: httpx.Client) -> None:
    promote(switching, "tiny")
    promote(switching, bundle.read_manifest(bundle.released()).version)
    registry.rollback()
    eventually(lambda: classify(switching).json()["model"] == "claimstance:tiny", "rolled back")
    assert switching.get("/", headers={"accept": "application/json"}).json()["model"] == (
        "claimstance:tiny"
    )


@pytest.mark.parametrize("line", ['{"version": "damaged"}', '{"version": "gone"}', "no JSON"])
def test_what_does_not_verify_is_refused_and_the_one_before_goes_on(
    switching: httpx.Client, home: Path, line: str
) -> None:
    promote(switching, "tiny")
    failures = 'claimstance_load_failures_total{role="production"}'
    before = sample(switching, failures)
    journal = home / "claimstance" / "production.jsonl"
    kept = journal.read_text()
    if line.startswith("{"):
        event = json.loads(kept.splitlines()[-1]) | json.loads(line)
        line = json.dumps(event)
    journal.write_text(kept + line + "\n")
    try:
        eventually(lambda: sample(switching, failures) > before, "refused")
        assert sample(switching, "claimstance_production_refused") == 1
        assert classify(switching).json()["model"] == "claimstance:tiny"
        assert switching.get("/readyz").status_code == 200
    finally:
        journal.write_text(kept)
    eventually(lambda: sample(switching, "claimstance_production_refused") == 0, "mended")
    assert "refused" in (home / "serve.log").read_text()


@pytest.mark.parametrize("name", ["tiny", "claimstance:tiny"])
def test_a_candidate_answers_beside_production(
    switching: httpx.Client, name: str, tiny_version: Path
) -> None:
    version = bundle.read_manifest(bundle.released()).version
    promote(switching, version)
    labelled = sample(switching, "claimstance_sentences_total")
    answer = classify(switching, name)
    assert answer.status_code == 200
    assert answer.json()["model"] == "claimstance:tiny"
    right = Predictor(tiny_version).predict(SENTENCES)
    assert scores(answer.json()) == pytest.approx(
        [score for p in right for score in p.stance_scores.values()], abs=0.03
    )
    assert sample(switching, "claimstance_sentences_total") == labelled
    assert classify(switching).json()["model"] == f"claimstance:{version}"
    assert classify(switching, version).json()["model"] == f"claimstance:{version}"
    with Client(str(switching.base_url)) as client:
        asked = client.classify(SENTENCES, model=name)
        assert [p.tokens for p in asked] == [p.tokens for p in right]
        with pytest.raises(ModelNotFound):
            client.classify(SENTENCES, model="unheard-of")


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("unheard-of", 404, "model_not_found"),
        ("claimstance:unheard-of", 404, "model_not_found"),
        ("damaged", 503, "model_invalid"),
        ("../tiny", 422, "invalid_input"),
        ("", 422, "invalid_input"),
        ("a" * 100, 422, "invalid_input"),
        ("tiny\n", 422, "invalid_input"),
        (5, 422, "invalid_input"),
    ],
)
def test_a_candidate_that_cannot_answer_is_refused(
    switching: httpx.Client, model: Any, status: int, code: str
) -> None:
    answer = classify(switching, model)
    assert answer.status_code == status
    found = schemas.ErrorResponse.model_validate(answer.json(), strict=True).error
    assert (found.code, found.where) == (code, "model")
    assert str(Path.home()) not in answer.text
    assert "/models/" not in answer.text


def test_the_shadow_scores_the_traffic_unseen(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.promote(bundle.read_manifest(bundle.released()).version, force=True)
    monkeypatch.setenv("CLAIMSTANCE_SHADOW", "tiny")
    with serving(home, [sys.executable, "-m", "serving"]) as client:

        def scored() -> bool:
            assert classify(client).json()["model"] != "claimstance:tiny"
            return sample(client, "claimstance_shadow_sentences_total") > 0

        eventually(scored, "the shadow has scored")
        for head in ("stance", "sentiment"):
            differ = sample(client, f'claimstance_shadow_disagreements_total{{head="{head}"}}')
            assert 0 <= differ <= sample(client, "claimstance_shadow_sentences_total")
        answered = sample(client, "claimstance_sentences_total")
        assert sample(client, "claimstance_shadow_sentences_total") <= answered


def test_a_shadow_that_is_not_there_disturbs_nothing(switching: httpx.Client) -> None:
    failures = 'claimstance_load_failures_total{role="shadow"}'
    eventually(lambda: sample(switching, failures) == 1, "told")
    assert classify(switching).status_code == 200
