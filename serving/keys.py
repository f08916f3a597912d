"""API keys: made once, kept as salted hashes in a file, looked up in constant time.

A key is 256 random bits. Nobody can guess or enumerate those, so one SHA-256 protects them as well
as a slow hash would, which is for what people choose as passwords, and costs a request nothing.
"""

import hashlib
import logging
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fcntl import LOCK_EX, flock
from hmac import compare_digest
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from claimstance import registry
from claimstance.bundle import NAME
from claimstance.durable import replace
from claimstance.errors import InvalidInput

PATH = "CLAIMSTANCE_KEYS"
"""The variable that names another file of keys, such as a mounted secret."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_log = logging.getLogger(__name__)


class Key(BaseModel):
    """A key as kept: its name, when it was made (ISO 8601, UTC), and the hash of salt and key."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    created: str
    salt: str
    sha256: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    keys: list[Key]


def path() -> Path:
    """Return the file of keys that this installation uses."""
    named = os.environ.get(PATH)
    return Path(named) if named else registry.home() / NAME / "keys.json"


def required() -> bool:
    """Tell whether callers need a key: a file of keys is there, or is named and ought to be."""
    return bool(os.environ.get(PATH)) or path().exists()


def read() -> list[Key]:
    """Return the keys there are, oldest first; none where there is no file.

    Raises:
        InvalidInput: the file cannot be read or is no file of keys; `where` names it.
    """
    try:
        return _File.model_validate_json(path().read_bytes()).keys
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidInput(f"cannot be read ({error.strerror})", str(path())) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "content"
        raise InvalidInput(f"is no file of keys ({place}: {first['msg']})", str(path())) from error


def add(name: str) -> str:
    """Make a key and return it; it cannot be shown again.

    Raises:
        InvalidInput: the name is taken or no name, or the file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput("must be letters, digits, `.`, `_`, `-`, at most 64", "NAME")
    with _locked():
        keys = read()
        if any(key.name == name for key in keys):
            raise InvalidInput(f"there is a key named {name!r}; revoke it first", "NAME")
        token = f"{NAME}_{secrets.token_urlsafe(32)}"
        salt = secrets.token_hex(16)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        _write([*keys, Key(name=name, created=created, salt=salt, sha256=_hash(salt, token))])
    return token


def revoke(name: str) -> None:
    """Forget a key; a running service lets it in no more.

    Raises:
        InvalidInput: there is no such key, or the file cannot be read or written.
    """
    with _locked():
        keys = read()
        rest = [key for key in keys if key.name != name]
        if len(rest) == len(keys):
            raise InvalidInput(f"there is no key named {name!r}", "NAME")
        _write(rest)


class Keyring:
    """The keys as a running service sees them: read again whenever the file has changed."""

    def __init__(self) -> None:
        self._seen: tuple[int, int, int] | None = None
        self._keys: list[Key] = []

    def find(self, token: str) -> str | None:
        """Return the name of the key, or None if it is none.

        Every key is compared, whichever fits, so that the time tells nothing. A file that cannot
        be read lets nobody in, and the log says why.
        """
        self._refresh()
        name = None
        for key in self._keys:
            if compare_digest(_hash(key.salt, token), key.sha256):
                name = key.name
        return name

    def _refresh(self) -> None:
        try:
            status = path().stat()
            seen = (status.st_ino, status.st_ctime_ns, status.st_mtime_ns)
        except OSError:
            seen = None
        if seen is None or seen != self._seen:
            self._seen, self._keys = seen, []
            try:
                self._keys = read()
            except InvalidInput as error:
                _log.error("no key is let in: %s", error)


def _hash(salt: str, token: str) -> str:
    return hashlib.sha256(f"{salt}{token}".encode("utf-8", "surrogatepass")).hexdigest()


def _write(keys: list[Key]) -> None:
    """Write the file, for its owner alone."""
    target = path()
    text = _File(keys=keys).model_dump_json(indent=2) + "\n"
    try:
        replace(target, lambda file: file.write_text(text), mode=0o600)
    except OSError as error:
        raise InvalidInput(f"cannot be written ({error.strerror})", str(target)) from error


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time change the file."""
    target = path()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = target.with_name(f"{target.name}.lock").open("w")
    except OSError as error:
        raise InvalidInput(f"cannot be written ({error.strerror})", str(target)) from error
    with lock:
        flock(lock, LOCK_EX)
        yield
