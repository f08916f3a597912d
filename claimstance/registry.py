"""Model versions in BentoML's model store: which exist, which is in production, and since when.

Only this module knows BentoML's store. Finding a version needs no BentoML: a version is a folder
in the store, and production is the last line of a journal beside it, so predicting stays light.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Literal

from claimstance import bundle, verdicts
from claimstance.bundle import NAME, Manifest
from claimstance.durable import replace
from claimstance.errors import ModelExists, ModelInvalid, ModelNotFound, NotInstalled

_VERSION = re.compile(bundle.VERSION_PATTERN)
_LABEL_UNFIT = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal: at `time` (ISO 8601, UTC), `version` went into production.

    `previous` is what a rollback puts back: what answered before, None where nothing else did.
    `forced` where nothing had shown that it is no worse than the one before.
    """

    time: str
    action: Literal["promote", "rollback"]
    version: str
    previous: str | None
    forced: bool = False


def home() -> Path:
    """Return BentoML's home, where the model store and the journal live."""
    return Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml")


def find(version: str | None = None) -> Path:
    """Return the folder of a version: by name, or the one in production when None.

    Without anything promoted, production is the released version of this installation.

    Raises:
        ModelNotFound: there is no such version.
    """
    name = production() if version is None else version
    if name is None:
        return bundle.released()
    name = name.removeprefix(f"{NAME}:")
    folder = _folder(name)
    if _VERSION.fullmatch(name) and (folder / bundle.MANIFEST).is_file():
        return folder
    if version is not None:
        try:
            shipped = bundle.released()
        except ModelNotFound:
            pass
        else:
            if bundle.read_manifest(shipped).version == name:
                return shipped
    raise ModelNotFound(
        f"no version {name!r} in the registry; `claimstance models list` shows what there is"
    )


def production() -> str | None:
    """Return the name of the version in production, None when nothing was ever promoted."""
    events = history()
    return events[-1].version if events else None


def history() -> list[Event]:
    """Return what went into production and when, oldest first.

    Raises:
        ModelInvalid: the journal cannot be read; `where` names the line.
    """
    try:
        lines = _journal().read_bytes().splitlines()
    except FileNotFoundError:
        return []
    events = []
    for number, line in enumerate(lines, 1):
        try:
            events.append(Event(**json.loads(line)))
        except (ValueError, TypeError) as error:
            place = f"{_journal()} line {number}"
            raise ModelInvalid("is no line of the journal of what was in production", place) from (
                error
            )
    return events


def stamp() -> tuple[int, ...]:
    """Return what differs whenever production has changed, and costs next to nothing to ask."""
    try:
        found = _journal().stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def versions() -> list[Manifest]:
    """Return the manifests of the released version and of all in the store, oldest first.

    Those that cannot be read are left out; `unreadable` tells of them.
    """
    return _read_all()[0]


def unreadable() -> dict[str, str]:
    """Return why versions cannot be read by this release, by name."""
    return _read_all()[1]


def verify(version: str | None = None) -> Manifest:
    """Check every file of a version against its manifest, and its golden sentences.

    Raises:
        ModelNotFound: there is no such version.
        ModelInvalid: a file is damaged, or a golden sentence gets other probabilities.
    """
    from claimstance.golden import check

    folder = find(version)
    manifest = bundle.read_manifest(folder)
    bundle.check_files(folder, manifest)
    check(folder)
    return manifest


def add(source: Path) -> Manifest:
    """Import the version in the folder `source` into the store, all its files checked.

    Raises:
        ModelExists: the store has a version of that name.
        ModelInvalid: the files do not fit the manifest.
        NotInstalled: BentoML is missing.
    """
    manifest = bundle.read_manifest(source)
    target = _folder(manifest.version)
    taken = ModelExists("exists already; a model version is never overwritten", manifest.tag)
    if target.exists():
        raise taken
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")  # else it reports to its makers
    try:
        import bentoml
        from bentoml._internal.models import ModelStore
    except ImportError as error:
        raise NotInstalled("the model store needs `pip install 'claimstance[serving]'`") from error
    labels = {"base": _LABEL_UNFIT.sub("_", manifest.base.name)[-63:].strip("_.-")}
    target.parent.mkdir(parents=True, exist_ok=True)
    _journal().parent.mkdir(parents=True, exist_ok=True)
    # BentoML fills a version's folder in place; made aside and renamed, it is whole or absent.
    with tempfile.TemporaryDirectory(prefix="import-", dir=_journal().parent) as staging:
        with bentoml.models.create(
            manifest.tag, labels=labels, _model_store=ModelStore(staging)
        ) as model:
            for name in (bundle.MANIFEST, *manifest.names):
                bundle.copy_file(source / name, Path(model.path_of(name)))
        made = Path(staging) / NAME / manifest.version
        bundle.check_files(made, manifest)
        bundle.sync(made)
        try:
            made.rename(target)
        except OSError as error:
            raise taken from error
        (Path(staging) / NAME / "latest").replace(target.parent / "latest")
    return manifest


def export(version: str, target: Path) -> Manifest:
    """Copy a version to the new folder `target`.

    Raises:
        ModelNotFound: there is no such version.
        ModelExists: `target` exists.
    """
    return bundle.copy(find(version), target)


def promote(version: str, *, force: bool = False) -> Event:
    """Verify a version and put it into production; where it is there already, nothing changes.

    A version needs a verdict that it is no worse than the one in production, which
    `python -m training compare` gives; with `force` it goes in without, and the journal says so.

    Raises:
        ModelNotFound: there is no such version.
        ModelInvalid: it does not verify; production stays as it is.
        NotApproved: it was not compared with what is in production, or did not pass.
    """
    name = verify(version).version
    with _locked():
        events = history()
        if events and events[-1].version == name:
            return events[-1]
        current = bundle.read_manifest(find()).version
        if name != current and not force:
            verdicts.require(home() / NAME, name, current)
        # What answered before, be it a promoted version or the released one.
        before = current if current != name else None
        return _record("promote", name, before, forced=force and name != current)


def rollback() -> Event:
    """Put the version that was in production before back into production.

    Raises:
        ModelNotFound: nothing was in production before.
    """
    with _locked():
        events = history()
        previous = events[-1].previous if events else None
        if previous is None:
            raise ModelNotFound("nothing was in production before; there is nothing to go back to")
        verify(previous)
        before = next((e.previous for e in events[::-1] if e.version == previous), None)
        return _record("rollback", previous, before)


def note_verdict(verdict: verdicts.Verdict) -> None:
    """Keep what a comparison of a version with the one in production came to."""
    verdicts.write(home() / NAME, verdict)


def _record(
    action: Literal["promote", "rollback"],
    version: str,
    previous: str | None,
    forced: bool = False,
) -> Event:
    """Append to the journal: the whole file is written anew and renamed, never half a line.

    The released version is copied into the store first, so that production stays what it is when
    the installation comes to carry another one.
    """
    if not (_folder(version) / bundle.MANIFEST).is_file():
        add(find(version))
    time = datetime.now(UTC).isoformat(timespec="seconds")
    event = Event(time, action, version, previous, forced)
    text = "".join(json.dumps(asdict(line)) + "\n" for line in (*history(), event))
    replace(_journal(), lambda file: file.write_text(text, encoding="utf-8"))
    return event


def _read_all() -> tuple[list[Manifest], dict[str, str]]:
    folders = [p.parent for p in (home() / "models" / NAME).glob(f"[!.]*/{bundle.MANIFEST}")]
    with suppress(ModelNotFound):
        folders.append(bundle.released())
    found: dict[str, Manifest] = {}
    failed: dict[str, str] = {}
    for folder in sorted(folders):
        try:
            manifest = bundle.read_manifest(folder)
        except (ModelInvalid, ModelNotFound) as error:
            failed[folder.name] = str(error)
        else:
            found[manifest.version] = manifest
    return sorted(found.values(), key=lambda manifest: manifest.created), failed


def _folder(version: str) -> Path:
    """Return where BentoML's store keeps a version."""
    return home() / "models" / NAME / version


def _journal() -> Path:
    return home() / NAME / "production.jsonl"


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time change what is in production."""
    folder = _journal().parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        flock(file, LOCK_EX)
        yield
