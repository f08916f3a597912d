"""Making a model version, and the simpler methods it is measured against."""

from pathlib import Path
from typing import Annotated

import typer

from training.cli import judge, options
from training.cli.options import AcceptDoubtful, Data, Renamed, Seed, Version

Start = Annotated[
    str,
    typer.Option(metavar="base|VERSION|PATH", help="The encoder, or a version, to start from."),
]
Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A recipe [default: training/recipe.toml].")
]


def fit(
    data: Data = None,
    renamed: Renamed = None,
    corpus: Annotated[
        bool, typer.Option("--corpus/--no-corpus", help="Train on the project's corpus too.")
    ] = True,
    start: Start = "base",
    base: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="The encoder: a packaged or hub name, or a folder; BERT, RoBERTa, XLM-R, DeBERTa, "
            "ModernBERT, MPNet and the like [default: the recipe's].",
        ),
    ] = None,
    config: Config = None,
    seed: Seed = 0,
    version: Version = None,
    accept_doubtful: AcceptDoubtful = False,
) -> None:
    """Train a model version and put it into the registry; the last line printed is its tag.

    Sentences of one group (document, dispute) are never split between training and testing. A GPU
    is used where there is one.

    --data beside the corpus must pass `check`. With --no-corpus nothing is held against it: the
    model in production need not know what its labels mean, and what comes of them is kept from no
    test sentence of the project, so it goes into production by --force alone.

    Examples:
      python -m training fit --version 2.0.0

      python -m training fit --base microsoft/mpnet-base

      python -m training fit --data labels.csv --no-corpus --seed 1
    """
    from training import admit, settings
    from training import corpus as corpora
    from training import fit as fitting

    if not corpus and not data:
        raise typer.BadParameter("with --no-corpus, give labelled sentences with --data")
    if base and start != "base":
        raise typer.BadParameter("--start names a version, which has its encoder; leave out --base")
    mapping = options.mapping(renamed)
    doubts = admit.admit(data, mapping, accept_doubtful) if corpus and data else ()
    loaded = corpora.load(data or [], corpus, mapping)
    options.tell(loaded.told)
    if loaded.lacking:
        print(
            f"{loaded.lacking} labelled sentences of public archives are left out for want of "
            "their text; `python -m training assemble` brings them in."
        )
    if loaded.left_out:
        print(f"{loaded.left_out} near duplicates of held-out sentences are left out of training.")
    print(options.counts(loaded))
    recipe = settings.load(config)
    if base:
        recipe = recipe.model_copy(update={"base": base})
    manifest = fitting.fit(fitting.Run(loaded, recipe, start, seed, version, doubts=doubts))
    print(manifest.tag)


def reproduce(
    version: Annotated[str, typer.Argument(help="A version in the registry.")],
    data: Data = None,
    renamed: Renamed = None,
) -> None:
    """Train a version again as it was trained, and say whether it comes out the same.

    Give the labels it was trained on with --data, mapped as they were. Nothing is put into the
    registry. The exit status is 0 where the weights are the same, else 1. Only the same code,
    libraries and kind of machine can give the same weights; what differs is named, and how far
    predictions do.

    Examples:
      python -m training reproduce 2.0.0

      python -m training reproduce 20260517-142233 --data labels.jsonl
    """
    from training import reproduce as reproducing

    outcome = reproducing.reproduce(version, data or [], options.mapping(renamed))
    print(outcome.text())
    if outcome.distance:
        raise typer.Exit(1)


def release(start: Start = "base", config: Config = None, version: Version = None) -> None:
    """Train on the project's corpus with its recipe, and promote it if it is no worse."""
    from claimstance import registry
    from training import corpus as corpora
    from training import fit as fitting
    from training import retrain as retraining
    from training import settings

    loaded = corpora.load([], with_project=True)
    recipe = settings.load(config)
    run = fitting.Run(loaded, recipe, start, 0, version, baselines=True)
    print(options.counts(loaded))
    manifest = fitting.fit(run)
    outcome = retraining.compare(manifest.version, loaded)
    judge.decided(outcome, None)
    if outcome.passed:
        registry.promote(manifest.version)
        print(f"{manifest.tag} is in production")


def baselines(
    data: Data = None,
    renamed: Renamed = None,
    split: Annotated[str, typer.Option(metavar="dev|test", help="Where to measure.")] = "dev",
) -> None:
    """Print the stance macro-F1 of simpler methods, learnt and measured on the same split.

    On the project's corpus, or on the sentences of --data alone.
    """
    from training import baselines as rivals
    from training import corpus as corpora
    from training import settings

    loaded = corpora.load(data or [], not data, options.mapping(renamed))
    options.tell(loaded.told)
    results = rivals.compare(loaded.part("train"), loaded.part(split), settings.load())
    for name, macro_f1 in results.items():
        print(f"{macro_f1:.3f}  {name}")
