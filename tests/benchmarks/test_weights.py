"""The rivals' weights compute what the released version computes."""

import json
from pathlib import Path

import pytest

from benchmarks import weights
from benchmarks.processes import BenchmarkFailed
from claimstance import bundle


def test_the_converted_classifier_gives_the_version_s_own_scores(tmp_path: Path) -> None:
    import torch
    from transformers import AutoTokenizer

    from benchmarks.rivals.mean_pooled import MeanPooledForSequenceClassification

    released = bundle.released()
    folder = weights.convert(released, tmp_path)
    model = MeanPooledForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lines = (released / bundle.GOLDEN).read_text(encoding="utf-8").splitlines()
    golden = [json.loads(line) for line in lines]
    batch = tokenizer(
        [row["text"] for row in golden], padding=True, truncation=True, return_tensors="pt"
    )
    with torch.inference_mode():
        scores = model(**batch).logits.softmax(1).tolist()
    for row, found in zip(golden, scores, strict=True):
        wanted = [row["stance_scores"][model.config.id2label[index]] for index in range(3)]
        assert found == pytest.approx(wanted, abs=2e-3)


def test_the_tokenizer_cuts_where_the_version_does(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = weights.convert(bundle.released(), tmp_path)
    limit = bundle.read_manifest(bundle.released()).max_tokens
    ids = AutoTokenizer.from_pretrained(folder)("word " * 600, truncation=True)["input_ids"]
    assert len(ids) == limit
    assert ids[-1] != ids[-2]  # the last token closes the sequence and survives the cut


def test_an_encoder_that_the_rivals_cannot_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "check_files", lambda *_: None)
    for name in (bundle.MANIFEST, bundle.ENCODER):
        text = (bundle.released() / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace('"bert"', '"mpnet"'), encoding="utf-8")
    with pytest.raises(BenchmarkFailed, match="mpnet"):
        weights.convert(tmp_path, tmp_path / "weights")
