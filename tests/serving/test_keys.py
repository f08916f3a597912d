"""API keys: shown once, kept as hashes, revoked at once; a broken file lets nobody in."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from claimstance.errors import InvalidInput
from serving import keys
from serving.keys import Keyring


def test_a_key_is_found_by_its_name_and_kept_as_a_hash_alone() -> None:
    tokens = {name: keys.add(name) for name in ("newsroom", "archive")}
    kept = keys.path().read_text()
    assert not any(token.partition("_")[2] in kept for token in tokens.values())
    assert stat.S_IMODE(keys.path().stat().st_mode) == 0o600
    keyring = Keyring()
    assert {name: keyring.find(token) for name, token in tokens.items()} == {
        "newsroom": "newsroom",
        "archive": "archive",
    }
    assert [key.name for key in keys.read()] == ["newsroom", "archive"]
    salts = {key["salt"] for key in json.loads(kept)["keys"]}
    assert len(salts) == 2


@pytest.mark.parametrize("token", ["", "x", "claimstance_", "é🙂", "\ud800", "a" * 100_000])
def test_what_is_no_key_is_not_found(token: str) -> None:
    keys.add("one")
    assert Keyring().find(token) is None


def test_a_hash_is_no_key() -> None:
    keys.add("one")
    (key,) = keys.read()
    assert Keyring().find(key.sha256) is None


def test_adding_and_revoking_reach_a_keyring_that_is_in_use() -> None:
    keyring = Keyring()
    assert keyring.find("x") is None
    first = keys.add("first")
    assert keyring.find(first) == "first"
    second = keys.add("second")
    assert keyring.find(second) == "second"
    keys.revoke("first")
    assert keyring.find(first) is None
    assert keyring.find(second) == "second"
    keys.path().unlink()
    assert keyring.find(second) is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "{", '{"keys": [{"name": "one"}]}', '{"keys": 5}', "\0"]
)
def test_a_broken_file_lets_nobody_in_and_is_told(
    content: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = keys.add("one")
    keyring = Keyring()
    assert keyring.find(token) == "one"
    keys.path().write_text(content)
    assert keyring.find(token) is None
    assert str(keys.path()) in caplog.text
    assert keys.required()
    with pytest.raises(InvalidInput, match="is no file of keys"):
        keys.read()
    with pytest.raises(InvalidInput):
        keys.add("two")
    assert keys.path().read_text() == content


def test_a_file_that_is_named_and_missing_lets_nobody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not keys.required()
    monkeypatch.setenv(keys.PATH, str(tmp_path / "secret" / "keys.json"))
    assert keys.required()
    assert Keyring().find(keys.add("one")) == "one"
    assert (tmp_path / "secret" / "keys.json").is_file()


@pytest.mark.parametrize("name", ["", " ", "a b", "-x", "é", "a" * 65, "a\n", '"'])
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        keys.add(name)
    assert not keys.path().exists()


def test_a_name_is_given_once_and_an_unknown_one_cannot_be_revoked() -> None:
    keys.add("one")
    with pytest.raises(InvalidInput, match="there is a key named 'one'"):
        keys.add("one")
    with pytest.raises(InvalidInput, match="there is no key named 'two'"):
        keys.revoke("two")


def test_keys_made_at_once_are_all_kept() -> None:
    names = [f"key-{number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(keys.add, names))
    keyring = Keyring()
    assert [keyring.find(token) for token in tokens] == names


def test_where_nothing_can_be_written_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(keys.PATH, str(tmp_path / "file" / "keys.json"))
    with pytest.raises(InvalidInput, match="cannot be"):
        keys.add("one")
