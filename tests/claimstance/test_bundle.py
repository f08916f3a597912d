"""The model version folder: written whole or not at all, refused when anything is off."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from claimstance import bundle
from claimstance.errors import ModelExists, ModelInvalid, ModelNotFound


@pytest.fixture
def version(tiny_version: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_version, tmp_path / "tiny"))


def edit(folder: Path, **changes: Any) -> None:
    path = folder / bundle.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_whole_version_passes(version: Path) -> None:
    bundle.check_files(version, bundle.read_manifest(version))


@pytest.mark.parametrize("name", bundle.FILES)
def test_a_changed_byte_in_any_file_is_found(version: Path, name: str) -> None:
    data = bytearray((version / name).read_bytes())
    data[len(data) // 2] ^= 1
    (version / name).write_bytes(data)
    with pytest.raises(ModelInvalid, match="SHA-256") as caught:
        bundle.check_files(version, bundle.read_manifest(version))
    assert caught.value.where == str(version / name)


def test_a_missing_file_is_found(version: Path) -> None:
    (version / bundle.WEIGHTS).unlink()
    with pytest.raises(ModelInvalid, match="No such file"):
        bundle.check_files(version, bundle.read_manifest(version))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"surprise": 1}, "surprise"),
        ({"version": "../up"}, "version"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"normalizer": 99}, "normaliser 99"),
        ({"files": {}}, "must list exactly"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    version: Path, changes: dict[str, Any], message: str
) -> None:
    edit(version, **changes)
    with pytest.raises(ModelInvalid, match=message):
        bundle.read_manifest(version)


def test_labels_in_another_order_are_refused(version: Path) -> None:
    manifest = json.loads((version / bundle.MANIFEST).read_text())
    manifest["stance"]["labels"].reverse()
    edit(version, stance=manifest["stance"])
    with pytest.raises(ModelInvalid, match="order"):
        bundle.read_manifest(version)


def test_thresholds_for_other_labels_are_refused(version: Path) -> None:
    manifest = json.loads((version / bundle.MANIFEST).read_text())
    manifest["stance"]["thresholds"].pop("firm")
    edit(version, stance=manifest["stance"])
    with pytest.raises(ModelInvalid, match="thresholds"):
        bundle.read_manifest(version)


def test_a_folder_without_a_manifest_is_no_version(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        bundle.read_manifest(tmp_path)


def test_a_new_folder_stands_whole(tmp_path: Path) -> None:
    with bundle.new_folder(tmp_path / "made") as folder:
        (folder / "file").write_text("content")
        assert not (tmp_path / "made").exists()
    assert (tmp_path / "made" / "file").read_text() == "content"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), bundle.new_folder(tmp_path / "made") as folder:
        (folder / "file").write_text("content")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    with pytest.raises(ModelExists), bundle.new_folder(tmp_path / "made"):
        pass


def test_a_copy_is_checked_on_arrival(version: Path, tmp_path: Path) -> None:
    (version / bundle.CARD).write_text("another card")
    with pytest.raises(ModelInvalid):
        bundle.copy(version, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_the_repository_releases_one_version_and_it_is_whole() -> None:
    folder = bundle.released()
    manifest = bundle.read_manifest(folder)
    bundle.check_files(folder, manifest)
    assert folder.name == manifest.version


def test_a_version_tells_nothing_of_the_machine_it_was_made_on(tiny_version: Path) -> None:
    for folder in (tiny_version, bundle.released()):
        for name in (bundle.MANIFEST, bundle.ENCODER, bundle.CARD, bundle.GRAPH):
            text = (folder / name).read_text(encoding="utf-8")
            assert "site-packages" not in text
            assert str(Path.home()) + "/" not in text
