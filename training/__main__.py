"""`python -m training`: labels, the corpus, fitting a model version, evaluating it."""

import json
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from claimstance.errors import ClaimstanceError, InvalidInput

if TYPE_CHECKING:
    from training.corpus import Corpus
    from training.retrain import Outcome

app = typer.Typer(
    help="Make model versions: import and check labels, assemble the corpus, fit, evaluate.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        metavar="FILE",
        help="Labelled JSON Lines, CSV, TSV, Parquet or a datasets folder: text, stance, and "
        "optionally sentiment, id, group, split; or an export of Label Studio, doccano, Prodigy "
        "or Argilla. May be given several times.",
    ),
]

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="Labelled files, or exports of Label Studio, doccano, Prodigy or Argilla.",
    ),
]


@app.command()
def assemble(
    archives: Annotated[Path, typer.Option(help="The folder with the public archives.")],
) -> None:
    """Join the corpus's references with a copy of the public archives.

    data/README.md tells which archives, and where to find them.
    """
    from training import assemble as joining

    counts = joining.assemble(archives)
    for source, (found, total) in counts.items():
        print(f"{source}: {found} of {total} references resolved")


@app.command()
def agreement() -> None:
    """Print how well two blind annotators agreed, as data/README.md shows it."""
    from training import agreement as agreeing

    print(agreeing.tables(), end="")


@app.command("import")
def import_(
    files: Files,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The JSON Lines file to write.")],
    renamed: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="OLD=NEW",
            help="What a label means here: hawkish=firm, none=stance:neutral. May be repeated.",
        ),
    ] = None,
    resolve: Annotated[
        str,
        typer.Option(
            metavar="majority|error|NAME",
            help="How several annotators' labels become one; a NAME's label decides.",
        ),
    ] = "majority",
) -> None:
    """Bring labels from Label Studio, doccano, Prodigy, Argilla or plain files into one file.

    A tie is left out and counted, or refused with `--resolve error`. Annotators are written by
    pseudonym, never by name.

    Examples:
      python -m training import project-3.json --out labels.jsonl --map hawkish=firm

      python -m training import doccano.zip --out labels.jsonl --resolve anna
    """
    from training.imports import labelled, meaning

    found = labelled.load(files, meaning.mapping(renamed or []), resolve)
    labelled.write(found, out)
    for line in found.summary():
        print(line)
    print(out)


@app.command()
def check(
    files: Files,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write check.html here, with every row.")
    ] = None,
) -> None:
    """Tell what is wrong with labelled files; exit 1 if they must not be trained on.

    Looks for rows that do not fit, contradictions, copies, sentences of the project's dev or
    test part, other languages, and labels that the model in production takes for wrong.
    """
    from claimstance import Predictor
    from training import check as checking
    from training import check_page

    found = checking.check(files, Predictor.load())
    print(check_page.text(found), end="")
    if report is not None:
        folder = _folder(report)
        (folder / "check.html").write_text(check_page.render(found), encoding="utf-8")
        print(folder / "check.html")
    if found.refusals:
        raise typer.Exit(1)


@app.command()
def fit(
    data: Data = None,
    corpus: Annotated[
        bool, typer.Option("--corpus/--no-corpus", help="Train on the project's corpus too.")
    ] = True,
    start: Annotated[
        str,
        typer.Option(metavar="base|VERSION|PATH", help="The encoder, or a version, to start from."),
    ] = "base",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recipe [default: training/recipe.toml].")
    ] = None,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    version: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its name [default: date and time].")
    ] = None,
) -> None:
    """Train a model version and put it into the registry; the last line printed is its tag.

    Sentences of one group (document, dispute) are never split between training and testing.

    Examples:
      python -m training fit --version 2.0.0

      python -m training fit --data labels.csv --no-corpus --seed 1
    """
    from training import corpus as corpora
    from training import fit as fitting
    from training import settings

    if not corpus and not data:
        raise typer.BadParameter("with --no-corpus, give labelled sentences with --data")
    loaded = corpora.load(data or [], corpus)
    _tell(loaded.told)
    if loaded.lacking:
        print(
            f"{loaded.lacking} labelled sentences of public archives are left out for want of "
            "their text; `python -m training assemble` brings them in."
        )
    if loaded.left_out:
        print(f"{loaded.left_out} near duplicates of held-out sentences are left out of training.")
    print(_counts(loaded))
    recipe = settings.load(config) if config else settings.load()
    manifest = fitting.fit(fitting.Run(loaded, recipe, start, seed, version))
    print(manifest.tag)


@app.command()
def evaluate(
    version: Annotated[str, typer.Argument(help="A version in the registry.")],
    data: Data = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write metrics.json and report.html here.")
    ] = None,
) -> None:
    """Evaluate a version on labelled sentences: those of --data, else the corpus's test part."""
    from claimstance import Predictor
    from training import corpus as corpora
    from training import evaluate as evaluating
    from training import page
    from training.imports import labelled

    predictor = Predictor.load(version)
    if data:
        own = labelled.load(data)
        chosen = own.records
        _tell(own.summary())
    else:
        chosen = corpora.load([], with_project=True).part("test")
    predictions = predictor.predict([record.text for record in chosen])
    figures = evaluating.figures(chosen, predictions)
    text = json.dumps({"model": predictor.model.tag, **figures}, indent=2)
    if report is None:
        print(text)
        return
    _folder(report)
    (report / "metrics.json").write_text(text + "\n", encoding="utf-8")
    title = f"{predictor.model.tag} on {len(chosen)} sentences"
    content = page.render(title, figures)
    (report / "report.html").write_text(content, encoding="utf-8")
    print(report / "report.html")


@app.command()
def compare(
    challenger: Annotated[str, typer.Argument(help="A version in the registry.")],
    data: Data = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the comparison as a page.")
    ] = None,
) -> None:
    """Compare a version with the one in production, on the locked test set and on --data.

    The verdict is kept; `claimstance models promote` asks for it. --data must be sentences that
    neither version was trained on.
    """
    from training import corpus as corpora
    from training import retrain
    from training.imports import labelled

    held = labelled.load(data).records if data else []
    loaded = corpora.load([], with_project=True)
    _decided(retrain.compare(challenger, loaded, held), report)


@app.command("retrain")
def retrain_(
    data: Annotated[
        list[Path], typer.Option("--data", metavar="FILE", help="The new labels, as for `fit`.")
    ],
    version: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its name [default: date and time].")
    ] = None,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    report: Annotated[Path, typer.Option(metavar="FILE", help="The page.")] = Path("retrain.html"),
) -> None:
    """Train on from production with new labels, compare, and promote what is no worse.

    Ten minutes on two cores for a few hundred sentences. What cannot be shown to be as good is kept
    in the registry and not promoted; the page says why.
    """
    from claimstance import registry
    from training import retrain

    outcome = retrain.retrain(data, version, seed, lambda step: print(step, flush=True))
    _decided(outcome, report)
    if not outcome.passed:
        print(f"{outcome.manifest.tag} was not promoted.")
        sys.exit(1)
    registry.promote(outcome.manifest.version)
    print(f"{outcome.manifest.tag} is in production; `claimstance models rollback` undoes it.")


@app.command()
def baselines(
    data: Data = None,
    split: Annotated[str, typer.Option(metavar="dev|test", help="Where to measure.")] = "dev",
) -> None:
    """Print the stance macro-F1 of simpler methods, learnt and measured on the same split.

    On the project's corpus, or on the sentences of --data alone.
    """
    from training import baselines as rivals
    from training import corpus as corpora
    from training import settings

    loaded = corpora.load(data or [], with_project=not data)
    _tell(loaded.told)
    results = rivals.compare(loaded.part("train"), loaded.part(split), settings.load())
    for name, macro_f1 in results.items():
        print(f"{macro_f1:.3f}  {name}")


@app.command()
def release(
    version: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its name [default: date and time].")
    ] = None,
) -> None:
    """Train on the project's corpus with its recipe, and promote it if it is no worse."""
    from claimstance import registry
    from training import corpus as corpora
    from training import fit as fitting
    from training import retrain, settings

    loaded = corpora.load([], with_project=True)
    run = fitting.Run(loaded, settings.load(), "base", 0, version, baselines=True)
    print(_counts(loaded))
    manifest = fitting.fit(run)
    outcome = retrain.compare(manifest.version, loaded, [])
    _decided(outcome, None)
    if outcome.passed:
        registry.promote(manifest.version)
        print(f"{manifest.tag} is in production")


def _decided(outcome: "Outcome", report: Path | None) -> None:
    """Say what a comparison came to, and write its page if asked."""
    from training import outcome as telling

    print(telling.text(outcome))
    if report:
        report.write_text(telling.render(outcome), encoding="utf-8")
        print(report)


def _tell(lines: Iterable[str]) -> None:
    """Say on standard error how files were understood, and what of them is left out."""
    for line in lines:
        print(line, file=sys.stderr)


def _folder(path: Path) -> Path:
    """Return a folder to write into, made if need be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"cannot be made ({error.strerror})", str(path)) from error
    return path


def _counts(loaded: "Corpus") -> str:
    parts = ", ".join(f"{len(loaded.part(split))} {split}" for split in ("train", "dev", "test"))
    return f"sentences: {parts}"


def _stop(number: int, _: FrameType | None) -> None:
    """Leave by way of every cleanup when asked to stop."""
    sys.exit(128 + number)


def main() -> None:
    """Run the command line; a reported error ends it with status 1 and one line on stderr."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except ClaimstanceError as error:
        print(f"training: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
