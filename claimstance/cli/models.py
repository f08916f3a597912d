"""`claimstance models`: the versions in the registry, and which one is in production."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from claimstance import bundle, registry
from claimstance.bundle import Manifest

app = typer.Typer(
    help="List, check, move and promote model versions. They live in BentoML's model store.",
    no_args_is_help=True,
)

Version = Annotated[str, typer.Argument(metavar="VERSION", help="A version's name.")]


@app.command("list")
def list_() -> None:
    """List the versions there are, oldest first; * marks the one in production.

    Why one cannot be read is said on standard error.
    """
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "version", "created", "stance macro-F1", "sentences"):
        grid.add_column(name)
    production = registry.production() or registry.find().name
    for manifest in registry.versions():
        grid.add_row(
            "*" if manifest.version == production else "",
            manifest.version,
            manifest.created,
            _score(manifest),
            str(manifest.corpus.sentences.get("train", "")),
        )
    for name, why in registry.unreadable().items():
        grid.add_row("*" if name == production else "", name, "cannot be read", "-", "-")
        print(f"claimstance: {why}", file=sys.stderr)
    Console().print(grid)


@app.command()
def show(version: Version) -> None:
    """Print a version's manifest as JSON."""
    print(_manifest(version).model_dump_json(indent=2))


@app.command()
def verify(version: Version) -> None:
    """Check every file of a version, and that its golden sentences come out right."""
    print(f"{registry.verify(version).tag} is whole and predicts as it must.")


@app.command("import")
def import_(path: Annotated[Path, typer.Argument(help="A model version folder.")]) -> None:
    """Copy a version folder into the registry."""
    print(registry.add(path).tag)


@app.command()
def export(
    version: Version, path: Annotated[Path, typer.Argument(help="The folder to make.")]
) -> None:
    """Copy a version out of the registry into a new folder."""
    registry.export(version, path)
    print(path)


@app.command()
def promote(
    version: Version,
    force: Annotated[
        bool, typer.Option("--force", help="Without a verdict; the history says so.")
    ] = False,
) -> None:
    """Verify a version and put it into production.

    It must have been compared with the one in production and found no worse:
    `python -m training compare VERSION`, which `python -m training retrain` does by itself.
    """
    event = registry.promote(version, force=force)
    print(f"{event.version} is in production (before: {event.previous or 'none'}).")


@app.command()
def rollback() -> None:
    """Put the version before the present one back into production."""
    event = registry.rollback()
    print(f"{event.version} is in production again.")


@app.command()
def history() -> None:
    """Show what went into production and when, oldest first."""
    for event in registry.history():
        print(f"{event.time}  {event.action:<8}  {event.version}{'  forced' * event.forced}")


def _manifest(version: str) -> Manifest:
    return bundle.read_manifest(registry.find(version))


def _score(manifest: Manifest) -> str:
    try:
        return f"{manifest.metrics['test']['stance']['macro_f1']:.3f}"
    except (KeyError, TypeError, ValueError):
        return "-"
