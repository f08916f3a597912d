"""Versions in the store, and which one is in production."""

import json
import multiprocessing
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from claimstance import bundle, registry
from claimstance.errors import ModelExists, ModelInvalid, ModelNotFound, NotApproved
from claimstance.verdicts import Verdict


def renamed(version: Path, target: Path) -> Path:
    """Copy a version under another name."""
    shutil.copytree(version, target)
    manifest = bundle.read_manifest(target).model_copy(update={"version": target.name})
    bundle.write_manifest(target, manifest)
    return target


def test_without_anything_promoted_production_is_the_released_version() -> None:
    assert registry.production() is None
    assert registry.find() == bundle.released()


def test_import_promote_and_roll_back(tiny_version: Path, tmp_path: Path) -> None:
    registry.add(renamed(tiny_version, tmp_path / "one"))
    registry.add(renamed(tiny_version, tmp_path / "two"))
    registry.promote("one", force=True)
    assert registry.promote("claimstance:two", force=True).previous == "one"
    assert registry.production() == "two"
    assert registry.rollback().version == "one"
    assert registry.production() == "one"
    assert [e.action for e in registry.history()] == ["promote", "promote", "rollback"]
    released = bundle.read_manifest(bundle.released()).version
    assert registry.rollback().version == released
    assert bundle.read_manifest(registry.find()).version == released
    with pytest.raises(ModelNotFound, match="nothing to go back to"):
        registry.rollback()
    assert registry.production() == released


def test_nothing_is_reported_to_the_makers_of_the_store(
    tiny_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BENTOML_DO_NOT_TRACK")
    registry.add(tiny_version)
    assert os.environ["BENTOML_DO_NOT_TRACK"] == "True"


def test_bentoml_sees_what_was_imported(tiny_version: Path) -> None:
    import bentoml

    registry.add(tiny_version)
    assert bentoml.models.get("claimstance:latest").tag.version == "tiny"
    released = bundle.read_manifest(bundle.released()).version
    assert {m.version for m in registry.versions()} == {"tiny", released}


def test_an_unreadable_version_hides_no_other(tiny_version: Path, store: Path) -> None:
    registry.add(tiny_version)
    damaged = store / "models" / "claimstance" / "damaged"
    damaged.mkdir()
    (damaged / bundle.MANIFEST).write_text('{"schema_version": 9}')
    assert "tiny" in {manifest.version for manifest in registry.versions()}
    assert set(registry.unreadable()) == {"damaged"}
    assert "schema_version" in registry.unreadable()["damaged"]


def test_a_version_is_imported_once(tiny_version: Path) -> None:
    registry.add(tiny_version)
    with pytest.raises(ModelExists):
        registry.add(tiny_version)


def test_a_damaged_version_is_not_imported(tiny_version: Path, tmp_path: Path, store: Path) -> None:
    broken = Path(shutil.copytree(tiny_version, tmp_path / "broken"))
    (broken / bundle.GRAPH_WEIGHTS).write_bytes(b"")
    with pytest.raises(ModelInvalid):
        registry.add(broken)
    assert not list(store.glob("models/claimstance/*"))


def test_a_version_that_predicts_otherwise_is_not_promoted(
    tiny_version: Path, tmp_path: Path
) -> None:
    folder = renamed(tiny_version, tmp_path / "liar")
    golden = bundle.read_golden(folder)
    golden[0]["stance_scores"] = {"firm": 0.0, "conciliatory": 0.0, "neutral": 1.0}
    golden[1]["stance_scores"] = {"firm": 1.0, "conciliatory": 0.0, "neutral": 0.0}
    (folder / bundle.GOLDEN).write_text("".join(json.dumps(g) + "\n" for g in golden))
    bundle.write_manifest(folder, bundle.read_manifest(folder))
    registry.add(folder)
    with pytest.raises(ModelInvalid, match="differ") as caught:
        registry.promote("liar", force=True)
    assert "golden.jsonl line" in str(caught.value.where)
    assert registry.production() is None


@pytest.mark.parametrize("name", ["../tiny", "a/b", ".hidden", "", "none"])
def test_only_a_name_finds_a_version(tiny_version: Path, name: str) -> None:
    registry.add(tiny_version)
    with pytest.raises(ModelNotFound):
        registry.find(name)


def test_export_gives_the_same_version_back(tiny_version: Path, tmp_path: Path) -> None:
    registry.add(tiny_version)
    registry.export("tiny", tmp_path / "out")
    manifest = bundle.read_manifest(tmp_path / "out")
    bundle.check_files(tmp_path / "out", manifest)
    assert manifest == bundle.read_manifest(tiny_version)
    with pytest.raises(ModelExists):
        registry.export("tiny", tmp_path / "out")


def test_promoting_what_is_in_production_changes_nothing(
    tiny_version: Path, tmp_path: Path
) -> None:
    registry.add(renamed(tiny_version, tmp_path / "one"))
    registry.add(renamed(tiny_version, tmp_path / "two"))
    for name in ("one", "two", "two"):
        registry.promote(name, force=True)
    assert [event.version for event in registry.history()] == ["one", "two"]
    assert registry.rollback().version == "one"


def test_processes_promoting_at_once_lose_no_event(tiny_version: Path, tmp_path: Path) -> None:
    names = [f"v{number}" for number in range(6)]
    for name in names:
        registry.add(renamed(tiny_version, tmp_path / name))
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.map(partial(registry.promote, force=True), names)
    assert sorted(event.version for event in registry.history()) == names


def test_a_version_needs_a_verdict_against_what_is_in_production(
    tiny_version: Path, tmp_path: Path
) -> None:
    released = bundle.read_manifest(bundle.released()).version
    for name in ("one", "two"):
        registry.add(renamed(tiny_version, tmp_path / name))
    with pytest.raises(NotApproved, match=f"not been compared with {released}"):
        registry.promote("one")
    failed = [{"name": "stance not worse", "passed": False, "found": "0.5 against 0.9"}]
    registry.note_verdict(Verdict("one", released, False, failed))
    with pytest.raises(NotApproved, match=r"did not pass against .*: stance not worse"):
        registry.promote("one")
    assert registry.production() is None
    assert registry.promote("one", force=True).forced
    registry.note_verdict(Verdict("two", released, True, []))
    with pytest.raises(NotApproved, match="compared with one, which is in production"):
        registry.promote("two")
    registry.note_verdict(Verdict("two", "one", True, []))
    assert not registry.promote("two").forced
    assert [event.version for event in registry.history()] == ["one", "two"]
