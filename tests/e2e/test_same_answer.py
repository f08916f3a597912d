"""One sentence, one answer: whichever way it is asked for, and whatever it is asked for with."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.dataset as parquet
import pytest

from claimstance import SENTIMENTS, STANCES, Predictor, bundle, documents
from tests.conftest import ROOT

CLAIMSTANCE = [sys.executable, "-c", "from claimstance.cli.main import main; main()"]
TOLERANCE = 1e-3

Answers = list[dict[str, Any]]
"""Per sentence: `stance`, `sentiment`, and the scores of both by `stance_LABEL` and so on."""


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    """Sentences of all lengths, each a paragraph that stays one sentence when it is split."""
    texts = [item["text"] for item in bundle.read_golden(bundle.released())]
    texts += [f"{' '.join(texts[:5])}".replace(".", ",") + ".", "No.", "Ours!"]
    texts = list(dict.fromkeys(texts))
    return [text for text in texts if [s for _, s in split(text)] == [text]]


def split(text: str) -> Iterator[tuple[int, str]]:
    for span in documents.parse(text).sentences():
        yield span.start, text[span.start : span.end]


@pytest.fixture(scope="module")
def expected(sentences: list[str], released: Predictor) -> Answers:
    """What is said of each sentence by itself."""
    return [flat(released.predict([sentence])[0].to_dict()) for sentence in sentences]


def flat(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as the service and `classify --format jsonl` give it."""
    scores = {
        f"{head}_{label}": answer[f"{head}_scores"][label]
        for head, labels in (("stance", STANCES), ("sentiment", SENTIMENTS))
        for label in labels
    }
    return {"stance": answer["stance"], "sentiment": answer["sentiment"], **scores}


def row(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the table that `score` writes."""
    scores = {f"stance_{label}": answer[label] for label in STANCES}
    scores |= {f"sentiment_{label}": answer[f"sentiment_{label}"] for label in SENTIMENTS}
    return {"stance": answer["stance"], "sentiment": answer["sentiment"], **scores}


def at_once(sentences: list[str], released: Predictor, **_: Any) -> Answers:
    return [flat(prediction.to_dict()) for prediction in released.predict(sentences)]


def backwards(sentences: list[str], released: Predictor, **_: Any) -> Answers:
    return at_once(sentences[::-1], released)[::-1]


def classify(sentences: list[str], served: httpx.Client, **_: Any) -> Answers:
    body = served.post("/classify", json={"sentences": sentences}).json()
    return [flat(prediction) for prediction in body["predictions"]]


def classify_each(sentences: list[str], served: httpx.Client, **_: Any) -> Answers:
    return [answer for sentence in sentences for answer in classify([sentence], served)]


def analyze(sentences: list[str], served: httpx.Client, **_: Any) -> Answers:
    body = served.post("/analyze", json={"text": "\n\n".join(sentences)}).json()
    assert [sentence["text"] for sentence in body["sentences"]] == sentences
    return [flat(sentence) for sentence in body["sentences"]]


def command(*arguments: str, given: str = "") -> str:
    return subprocess.run(
        [*CLAIMSTANCE, *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ,
    ).stdout


def command_line(sentences: list[str], **_: Any) -> Answers:
    given = "".join(json.dumps({"text": sentence}) + "\n" for sentence in sentences)
    printed = command("classify", "--file", "-", "--format", "jsonl", given=given)
    return [flat(json.loads(line)) for line in printed.splitlines()]


def score_table(sentences: list[str], tmp_path: Path, **_: Any) -> Answers:
    source = tmp_path / "sentences.jsonl"
    source.write_text("".join(json.dumps({"text": sentence}) + "\n" for sentence in sentences))
    return scored(tmp_path, str(source), "--unit", "sentence", "--workers", "1")


def score_document(sentences: list[str], tmp_path: Path, **_: Any) -> Answers:
    source = tmp_path / "document.txt"
    source.write_text("\n\n".join(sentences), encoding="utf-8")
    return scored(tmp_path, str(source), "--workers", "1")


def scored(folder: Path, *arguments: str) -> Answers:
    # The encoder reads every sentence here, as it does in all the other ways.
    command("score", *arguments, "--exhaustive", "--out", str(folder / "scored"))
    table = parquet.dataset(folder / "scored" / "sentences").to_table()
    return [row(answer) for answer in table.to_pylist()]


@pytest.mark.parametrize(
    "way",
    [
        at_once,
        backwards,
        classify,
        classify_each,
        analyze,
        command_line,
        score_table,
        score_document,
    ],
)
def test_a_sentence_gets_the_same_answer(
    way: Callable[..., Answers],
    sentences: list[str],
    expected: Answers,
    released: Predictor,
    served: httpx.Client,
    tmp_path: Path,
) -> None:
    answers = way(sentences, released=released, served=served, tmp_path=tmp_path)
    assert len(answers) == len(sentences) > 20
    for sentence, answer, right in zip(sentences, answers, expected, strict=True):
        for head in ("stance", "sentiment"):
            assert answer.pop(head) == right[head], sentence
        for name, value in answer.items():
            assert value == pytest.approx(right[name], abs=TOLERANCE), (sentence, name)
