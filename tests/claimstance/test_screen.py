"""The cascade: the first stage answers alone what is certified, the encoder all else."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from claimstance import Predictor, bundle, registry, screen
from claimstance.errors import JobDiffers, ModelInvalid
from claimstance.labels import STANCES, Stance
from claimstance.predictor import Labels
from claimstance.report import page
from claimstance.report.prevalence import Correction
from claimstance.scoring import score
from claimstance.scoring.unit import How
from claimstance.screen import Cascade, Reading
from tests.claimstance.scoring.conftest import Silent
from tests.conftest import archive_sentences

pytestmark = pytest.mark.usefixtures("in_process")

TEXTS = archive_sentences(20_000, 400)


def labels(predictor: Predictor, texts: list[str]) -> Labels:
    return predictor.label(predictor.encode(texts))


def cascade(folder: Path, stance_only: bool = False) -> Predictor:
    return screen.load(folder, Reading(stance_only=stance_only))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A row file of sentences, in a store whose version has a first stage."""
    path = tmp_path / "press.csv"
    path.write_text("text\n" + "\n".join(f"{text}." for text in TEXTS) + "\n")
    return path


@pytest.fixture
def stored(screened_version: Path) -> str:
    return registry.add(screened_version).version


def run(archive: Path, out: Path, model: str, **reading: bool) -> dict[str, Any]:
    return score.score(
        [str(archive)], out, Silent(), how=How("sentence", Reading(**reading)), model=model
    )


def table(out: Path) -> list[dict[str, Any]]:
    return list(pyarrow.parquet.read_table(out / "sentences").to_pylist())


@pytest.mark.parametrize("stance_only", [False, True])
def test_what_it_passes_on_is_the_encoders_and_what_it_answers_is_neutral(
    screened_version: Path, stance_only: bool
) -> None:
    found = labels(cascade(screened_version, stance_only), TEXTS)
    whole = labels(Predictor(screened_version), TEXTS)
    assert 0.1 < found.screened.mean() < 0.9
    assert not whole.screened.any()
    passed = ~found.screened
    assert found.stance_scores[passed] == pytest.approx(whole.stance_scores[passed], abs=5e-3)
    assert found.sentiment_scores[passed] == pytest.approx(whole.sentiment_scores[passed], abs=5e-3)
    assert set(found.stance[found.screened]) == {STANCES.index(Stance.NEUTRAL)}
    assert (found.stance != whole.stance).mean() <= 0.01
    assert found.stance_scores.sum(1) == pytest.approx(1)
    assert np.array_equal(found.stance, found.stance_scores.argmax(1))


def test_a_sentence_gets_its_answer_whatever_its_neighbours(screened_version: Path) -> None:
    predictor = cascade(screened_version)
    texts = [" ".join([text, *["the"] * (n % 9)]) for n, text in enumerate(TEXTS[:60])]
    together = labels(predictor, texts)
    for index, text in enumerate(texts):
        alone = labels(predictor, [text])
        assert alone.screened[0] == together.screened[index]
        if alone.screened[0]:
            assert alone.stance_scores[0] == pytest.approx(together.stance_scores[index], abs=1e-6)


def test_thresholds_are_kept_to(screened_version: Path) -> None:
    manifest = bundle.read_manifest(screened_version)
    certificate = screen.certificate(manifest, Reading())
    assert certificate
    found = labels(cascade(screened_version), TEXTS)
    neutral = found.stance_scores[found.screened, STANCES.index(Stance.NEUTRAL)]
    assert (1 - neutral).max() <= certificate.stance_at_most
    assert found.sentiment_scores[found.screened].max(1).min() >= certificate.sentiment_from
    strict = certificate.model_copy(update={"stance_at_most": 0.0})
    assert not labels(Cascade(screened_version, strict), TEXTS).screened.any()


def test_predicting_nothing_gives_nothing(screened_version: Path) -> None:
    assert len(labels(cascade(screened_version), []).stance) == 0


def test_each_row_says_who_answered_and_the_job_counts(
    archive: Path, stored: str, tmp_path: Path
) -> None:
    note = run(archive, tmp_path / "out", stored)
    rows = table(tmp_path / "out")
    stages = [row["stage"] for row in rows]
    assert note["stages"] == {name: stages.count(name) for name in screen.STAGES}
    assert min(note["stages"].values()) > 0
    assert note["first_stage"].startswith("on: at most 0.")
    assert {row["stance"] for row in rows if row["stage"] == "screen"} == {"neutral"}
    whole = run(archive, tmp_path / "whole", stored, exhaustive=True)
    assert whole["stages"] == {"screen": 0, "encoder": len(rows)}
    assert whole["first_stage"].startswith("off, as asked")
    same = [
        a["stance"] == b["stance"] for a, b in zip(rows, table(tmp_path / "whole"), strict=True)
    ]
    assert np.mean(same) >= 0.99


def test_stances_alone_come_without_sentiment(archive: Path, stored: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    both = run(archive, tmp_path / "both", stored)
    note = run(archive, out, stored, stance_only=True)
    assert note["stages"]["screen"] >= both["stages"]["screen"]
    rows = table(out)
    assert not [name for name in rows[0] if name.startswith("sentiment")]
    levels = bundle.read_manifest(registry.find(stored)).stance.thresholds
    for row in rows:
        above = row[row["stance"]] - levels[row["stance"]]
        # The column is in single precision, too coarse to tell a score at its threshold.
        assert row["confident"] == (above >= 0) or abs(above) < 1e-6


@pytest.mark.parametrize("option", ["exhaustive", "stance_only"])
def test_a_job_does_not_go_on_with_another_option(
    archive: Path, stored: str, tmp_path: Path, option: str
) -> None:
    run(archive, tmp_path / "out", stored)
    with pytest.raises(JobDiffers, match=f"{option} false, now it is true"):
        run(archive, tmp_path / "out", stored, **{option: True})


def test_a_version_without_a_certificate_reads_everything_and_says_so(
    archive: Path, tiny_version: Path, tmp_path: Path
) -> None:
    registry.add(tiny_version)
    note = run(archive, tmp_path / "out", "tiny")
    assert note["stages"]["screen"] == 0
    assert note["first_stage"] == "off: claimstance:tiny has no certified first stage"


def test_a_version_certified_for_stances_alone_says_so(screened_version: Path) -> None:
    manifest = bundle.read_manifest(screened_version)
    assert manifest.screen
    half = manifest.model_copy(update={"screen": manifest.screen.model_copy(update={"both": None})})
    assert "--stance-only" in screen.told(half, Reading())
    assert screen.told(half, Reading(stance_only=True)).startswith("on:")


def test_the_released_version_still_loads() -> None:
    manifest = bundle.read_manifest(bundle.released())
    assert set(manifest.files) == set(manifest.names)


def test_files_of_a_first_stage_without_a_certificate_are_refused(
    screened_version: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(screened_version, tmp_path / "tiny"))
    path = folder / bundle.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"screen": None}))
    with pytest.raises(ModelInvalid, match="exactly the files"):
        bundle.read_manifest(folder)


@pytest.mark.parametrize("stance_only", [False, True])
def test_the_report_tells_of_the_first_stage(
    archive: Path, stored: str, tmp_path: Path, stance_only: bool
) -> None:
    out = tmp_path / "out"
    run(archive, out, stored, stance_only=stance_only)
    text = page.write(out).read_text(encoding="utf-8")
    assert "A cheap first stage answered" in text
    assert "95 % confidence" in text
    assert ("Sentiment against stance" in text) == (not stance_only)


def test_shares_are_corrected_by_the_errors_of_both_stages(screened_version: Path) -> None:
    manifest = bundle.read_manifest(screened_version)
    certificate = screen.certificate(manifest, Reading())
    assert certificate
    counts = [[[0, 0, 0]], [[0, 0, 0]], [[500, 0, 500]]]
    other = certificate.model_copy(update={"stance_errors": {"levels": [0.0], "counts": counts}})
    shares = Correction.of(manifest, other).shares([[0], [0], [100]])
    assert shares.corrected[0] == pytest.approx(0.5, abs=0.01)
