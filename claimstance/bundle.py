"""The model version folder: the only thing that passes from training to serving.

A version is immutable. It is written whole under a temporary name and renamed, and refused
afterwards if a file, the schema or the label order does not fit its manifest.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from claimstance import durable
from claimstance.errors import InvalidInput, ModelExists, ModelInvalid, ModelNotFound
from claimstance.labels import SENTIMENTS, STANCES, Sentiment, Stance
from claimstance.text import NORMALIZER_VERSION

NAME = "claimstance"
MANIFEST = "manifest.json"
GRAPH = "model.xml"
GRAPH_WEIGHTS = "model.bin"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
ENCODER = "encoder.json"
GOLDEN = "golden.jsonl"
CARD = "README.md"
FILES = (GRAPH, GRAPH_WEIGHTS, TOKENIZER, WEIGHTS, ENCODER, GOLDEN, CARD)
"""The files of every version."""

INT8_GRAPH = "int8.xml"
INT8_WEIGHTS = "int8.bin"
QUANTISED = (INT8_GRAPH, INT8_WEIGHTS)
"""The files of the int8 graph, which a version has where it was earned."""

SCREEN = "screen.xml"
SCREEN_WEIGHTS = "screen.bin"
SCREENING = (SCREEN, SCREEN_WEIGHTS)
"""The files of the first stage, which a version has where it could be certified."""

VERSION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
"""What a version may be called: a file name everywhere, and a tag in BentoML's store."""

Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(_Strict):
    """What turns one head's logits into a label.

    `labels` in the order of the logits; `temperature` divides the logits before the softmax;
    a prediction is confident when its label's score reaches the label's entry in `thresholds`.
    """

    labels: tuple[str, ...]
    temperature: Annotated[float, Field(gt=0)]
    thresholds: dict[str, Share]


class Base(_Strict):
    """The encoder that training started from: its name and the SHA-256 of its weights."""

    name: str
    sha256: str


class Corpus(_Strict):
    """What a version was trained on: a fingerprint of the labelled data and sentence counts.

    `tests` are fingerprints of the project's own test sentences, those written for it
    (`written`) and all of them (`whole`), and `texts` those of the same sentences without their
    labels: versions kept from the same sentences can be compared. A version that starts from
    another names only those that the other was kept from too. `parts` are fingerprints of what was
    joined: the project's `written` sentences and `references`, what a larger version said of
    sentences (`teacher`), and what was `given` in `files`, by name. `doubts` are what the check
    held against the given labels, which a person let through.
    """

    fingerprint: str
    sentences: dict[str, int]
    tests: dict[str, str] = {}
    texts: dict[str, str] = {}
    parts: dict[str, str] = {}
    files: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


class Bound(_Strict):
    """Of `of` held-out sentences `observed` went wrong; with 95 % confidence `at_most` do."""

    observed: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=0)]
    at_most: Share


class Certificate(_Strict):
    """From where the first stage answers, and what is certified of its answers.

    It answers a sentence whose chance of a stance is at most `stance_at_most`, always `neutral`,
    and whose sentiment's score is at least `sentiment_from`. Bounds are by Clopper and Pearson
    (1934), on natural sentences, by source in `sentences`, that neither stage was trained on.

    Attributes:
        answered: the share of these that the first stage answers.
        missed: of those that the encoder calls firm or conciliatory, the ones it answers.
        stance_changed: of all, those with another stance than the encoder gives.
        sentiment_changed: likewise; None where the first stage is not used for sentiment.
        stance_errors: as in `metrics`, of both stages together on labelled sentences.
    """

    stance_at_most: Share
    sentiment_from: Share
    sentences: dict[str, int]
    answered: Share
    missed: Bound
    stance_changed: Bound
    sentiment_changed: Bound | None
    stance_errors: dict[str, Any]


class Screen(_Strict):
    """The first stage: how many sentences it learnt from, and what it is certified for.

    `both` is for labels of both heads, `stance` for stance alone; None where the certificate
    could not be had.
    """

    learnt_from: int
    both: Certificate | None
    stance: Certificate | None


class Quantised(_Strict):
    """The int8 graph: on how many sentences its ranges were set, and what it does to the labels.

    Held against the full graph in float32, on `measured_on` held-out sentences.

    Attributes:
        stance_changed: share of sentences with another stance.
        sentiment_changed: likewise.
        largest_probability_change: of any label of any of them.
        macro_f1_change: of stance, int8 minus float32; None where none has a stance.
    """

    calibrated_on: Annotated[int, Field(ge=1)]
    measured_on: Annotated[int, Field(ge=1)]
    stance_changed: Share
    sentiment_changed: Share
    largest_probability_change: Share
    macro_f1_change: float | None


class Manifest(_Strict):
    """`manifest.json`: all that a version says of itself.

    `made_with` names the libraries, device and number type that its weights depend on.
    """

    schema_version: Literal[1] = 1
    name: Literal["claimstance"] = "claimstance"
    version: Annotated[str, Field(pattern=VERSION_PATTERN)]
    created: str
    max_tokens: Annotated[int, Field(ge=8)]
    normalizer: int
    stance: Head
    sentiment: Head
    base: Base
    parent: str | None
    corpus: Corpus
    git_commit: str | None
    made_with: dict[str, str] = {}
    settings: dict[str, Any]
    metrics: dict[str, Any]
    int8: Quantised | None = None
    screen: Screen | None = None
    files: dict[str, str]

    @property
    def tag(self) -> str:
        """The version as the service and the registry spell it: `claimstance:<version>`."""
        return f"{NAME}:{self.version}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the version's files, without the manifest's."""
        quantised = QUANTISED if self.int8 else ()
        return (*FILES, *quantised, *(SCREENING if self.screen else ()))


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the version in `folder`, checked against this release.

    Raises:
        ModelNotFound: `folder` holds no manifest.
        ModelInvalid: a field is missing, unknown or wrong, or the labels or the text
            normaliser are not this release's.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelNotFound(f"no model version here ({error.strerror})", str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise ModelInvalid(f"field {field or 'root'}: {first['msg']}", str(path)) from error
    if manifest.stance.labels != STANCES or manifest.sentiment.labels != SENTIMENTS:
        raise ModelInvalid("its labels or their order are not this release's", str(path))
    if set(manifest.stance.thresholds) != set(Stance) or set(manifest.sentiment.thresholds) != set(
        Sentiment
    ):
        raise ModelInvalid("its thresholds do not name each label once", str(path))
    if manifest.normalizer != NORMALIZER_VERSION:
        raise ModelInvalid(
            f"it was trained with text normaliser {manifest.normalizer}, this release has "
            f"{NORMALIZER_VERSION}; train it again or install the release it was made with",
            str(path),
        )
    if set(manifest.files) != set(manifest.names):
        raise ModelInvalid(f"it must list exactly the files {', '.join(manifest.names)}", str(path))
    return manifest


def check_files(folder: Path, manifest: Manifest, names: tuple[str, ...] = ()) -> None:
    """Compare the files called `names`, or all, in `folder` with the manifest's SHA-256 of each.

    Raises:
        ModelInvalid: a file is missing or differs.
    """
    for name in names or manifest.names:
        path = folder / name
        try:
            actual = sha256(path)
        except OSError as error:
            raise ModelInvalid(f"cannot be read ({error.strerror})", str(path)) from error
        if actual != manifest.files[name]:
            raise ModelInvalid("its SHA-256 is not the manifest's; the file is damaged", str(path))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside `target` that becomes `target` when the block succeeds.

    Everything is synced before the rename, so `target` either stands whole or not at all; on
    any failure the temporary folder is removed.

    Raises:
        ModelExists: `target` exists.
        InvalidInput: no folder can be made there.
    """
    if target.exists():
        raise ModelExists("exists already; a model version is never overwritten", str(target))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise InvalidInput(f"cannot be made ({error.strerror})", str(target)) from error
    try:
        yield temporary
        sync(temporary)
        temporary.chmod(0o755)
        try:
            temporary.rename(target)
        except OSError as error:
            raise ModelExists(
                f"could not be put in place ({error.strerror})", str(target)
            ) from error
        durable.sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` into `folder` with the SHA-256 of the version's files filled in."""
    hashes = {name: sha256(folder / name) for name in manifest.names}
    text = manifest.model_copy(update={"files": hashes}).model_dump_json(indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def copy(source: Path, target: Path) -> Manifest:
    """Copy the version in `source` to the new folder `target`, all files checked on arrival."""
    manifest = read_manifest(source)
    with new_folder(target) as temporary:
        for name in (MANIFEST, *manifest.names):
            copy_file(source / name, temporary / name)
        check_files(temporary, manifest)
    return manifest


def copy_file(source: Path, target: Path) -> None:
    """Copy one of a version's files; a missing or unreadable one is a ModelInvalid."""
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise ModelInvalid(f"cannot be read ({error.strerror})", str(source)) from error


def read_golden(folder: Path) -> list[dict[str, Any]]:
    """Return the golden sentences: objects with `text`, `stance_scores` and `sentiment_scores`."""
    with (folder / GOLDEN).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def released() -> Path:
    """Return the folder of the released version.

    It lies inside the installed package or, in a checkout, alone in `models/`.

    Raises:
        ModelNotFound: there is none.
        ModelInvalid: there is more than one.
    """
    here = Path(__file__).parent
    for place in (here / "released", here.parent / "models"):
        versions = sorted(path.parent for path in place.glob(f"[!.]*/{MANIFEST}"))
        if len(versions) > 1:
            raise ModelInvalid("holds more than one released version", str(place))
        if versions:
            return versions[0]
    raise ModelNotFound("this installation carries no released model version")


def sync(folder: Path) -> None:
    """Bring a folder and all in it to the disk."""
    for path in (*folder.rglob("*"), folder):
        durable.sync(path)
