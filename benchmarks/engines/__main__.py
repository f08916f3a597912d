"""`python -m benchmarks.engines`: which engine the core keeps, measured."""

import json
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import machine, texts
from benchmarks.engines import report as reporting
from benchmarks.options import Archive, Quick
from claimstance import bundle, registry
from claimstance.durable import replace
from claimstance.errors import ClaimstanceError

ROOT = Path(__file__).parent.parent.parent
HOME = ROOT / "benchmarks"
QUICK_HOME = ROOT / "build" / "benchmarks"
MEASURED = 3_000
"""Sentences of the archive on which labels are compared."""

GRAPHS = ROOT / "build" / "engines"
PACKAGES = ("openvino", "nncf", "onnxruntime", "torch", "transformers")

app = typer.Typer(
    help="Measure the candidates for the core's engine side by side: what each does to the labels, "
    "and how fast it is. Runs in an environment of its own, which `make .venv-bench/engines/ready` "
    "makes; what came out goes into benchmarks/ENGINES.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Model = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION", help="Whose weights: a version's name or folder [default: production]."
    ),
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="For each candidate [default: the machine's cores].")
]


@app.command("graphs")
def graphs_(archive: Archive = None, model: Model = None, threads: Threads = None) -> None:
    """Make the graphs that the other commands measure. About 4 minutes.

    They are kept in build/engines/. Their ranges are set on other sentences than are measured on.
    """
    from benchmarks.engines import graphs as part
    from benchmarks.engines import sentences as given
    from benchmarks.progress import Steps

    version = _version(model)
    found = given.load(archive, MEASURED, version)
    with Steps(part.STEPS) as steps:
        part.make(version, _graphs(version), found.setting, threads or machine.cores(), steps.begin)


@app.command()
def labels(
    archive: Archive = None, model: Model = None, threads: Threads = None, quick: Quick = False
) -> None:
    """Measure what the graphs do to the labels. About 5 minutes.

    Other work on the machine changes nothing here but the time it takes.

    Example:
      python -m benchmarks.engines labels --archive speeches.zip
    """
    from benchmarks.engines import labels as part
    from benchmarks.engines import sentences as given

    version = _version(model)
    count = threads or machine.cores()
    found = given.load(archive, MEASURED, version)
    if quick:
        found = found.part(50)
    told = _conditions(version, archive, count)
    told |= part.measure(version, _graphs(version), found, count)
    _keep("labels", told, quick)


@app.command()
def speed(
    archive: Archive = None,
    sentences: Annotated[int, typer.Option(min=10, help="That each goes through.")] = 800,
    rounds: Annotated[int, typer.Option(min=1, help="Each candidate once in every one.")] = 5,
    model: Model = None,
    threads: Threads = None,
    quick: Quick = False,
) -> None:
    """Measure how fast the graphs are. About 6 minutes.

    Nothing else should run on the machine meanwhile.
    """
    from benchmarks.engines import sentences as given
    from benchmarks.engines import speed as part

    version = _version(model)
    count = threads or machine.cores()
    if quick:
        sentences, rounds = 20, 2
    chosen = given.real(archive, sentences, version)
    told = _conditions(version, archive, count) | {"sentences": len(chosen)}
    told["seconds"] = part.measure(version, _graphs(version), chosen, rounds, count)
    _keep("speed", told, quick)


@app.command("all")
def all_(
    archive: Archive = None, model: Model = None, threads: Threads = None, quick: Quick = False
) -> None:
    """Make the graphs and measure labels and speed."""
    graphs_(archive, model=model, threads=threads)
    labels(archive, model=model, threads=threads, quick=quick)
    speed(archive, model=model, threads=threads, quick=quick)


@app.command()
def report() -> None:
    """Write ENGINES.md from benchmarks/results/ once more."""
    print(_write(HOME))


def _version(model: str | None) -> Path:
    """Return the folder of a version given by name or path."""
    if model and (Path(model) / bundle.MANIFEST).exists():
        return Path(model)
    return registry.find(model)


def _graphs(version: Path) -> Path:
    return GRAPHS / bundle.read_manifest(version).version


def _conditions(version: Path, archive: Path | None, threads: int) -> dict[str, Any]:
    """Return what a result is to be understood by: machine, packages, weights, text, command."""
    words = (Path(word).name if "/" in word else word for word in sys.argv[1:])
    return {
        "machine": machine.describe(),
        "packages": {name: installed(name) for name in PACKAGES},
        "model": bundle.read_manifest(version).tag,
        "text": texts.named(archive),
        "threads": threads,
        "command": shlex.join(["python", "-m", "benchmarks.engines", *words]),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _keep(part: str, told: dict[str, Any], quick: bool) -> None:
    """Keep a part's figures and write the report; those of --quick elsewhere."""
    home = QUICK_HOME if quick else HOME
    (home / "results").mkdir(parents=True, exist_ok=True)
    text = json.dumps(told, indent=1) + "\n"
    place = home / "results" / f"engines_{part}.json"
    replace(place, lambda file: file.write_text(text, encoding="utf-8"))
    print(_write(home))


def _write(home: Path) -> Path:
    """Write the report on what lies in `home`; return its path."""
    found: list[dict[str, Any] | None] = []
    for part in ("labels", "speed"):
        place = home / "results" / f"engines_{part}.json"
        kept = json.loads(place.read_text(encoding="utf-8")) if place.exists() else None
        found.append(kept)
    text = reporting.render(*found)
    path = home / "ENGINES.md"
    replace(path, lambda file: file.write_text(text, encoding="utf-8"))
    return path


def main() -> None:
    """Run the command line; a reported error ends it with status 1 and one line on stderr."""
    try:
        app()
    except ClaimstanceError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
