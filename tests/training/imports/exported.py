"""Sentences, and files of them as annotation tools export them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.imports import labelled

OURS = "The reef is ours and will stay so."
TALKS = "Both sides agreed to talk about the reef."
RAIN = "It rained on the islands for three days."


def array(folder: Path, rows: Sequence[Any], name: str = "export") -> Path:
    path = folder / name
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def lines(folder: Path, rows: Sequence[Any], name: str = "export") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> dict[str, tuple[str | None, str | None]]:
    """Return stance and sentiment of each sentence."""
    return {r.text: (r.stance, r.sentiment) for r in labelled.load([path]).records}
