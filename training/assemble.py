"""References joined with a user's own copy of the public archives they point into."""

import csv
import html
import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from claimstance import documents
from claimstance.bundle import new_folder
from claimstance.errors import DocumentUnreadable
from claimstance.inputs import html as pages
from claimstance.text import digest, normalize
from training import unlabelled
from training.corpus import ASSEMBLED, REFERENCES
from training.unlabelled import Sentence

SOURCES = {
    "un_general_debate": ["un_general_debate.zip"],
    "white_house_briefings": ["white_house_briefings.zip"],
    "wikinews": ["news/wikinews_2019.csv", "news/wikinews_2020.csv"],
}
"""Where each source lies below the archives' folder."""

_TAG = re.compile(r"<[^>]+>")
_REFERENCE_ONLY = ("file", "start", "end", "sha256")


def assemble(
    archives: Path, references: Path = REFERENCES, target: Path = ASSEMBLED
) -> dict[str, tuple[int, int]]:
    """Write `target`: the files of `references` with each sentence's text filled in.

    A sentence without a text is left out, and a file that would have none.

    Beside them go the archives' other sentences, without labels, for the first stage.

    A reference names a source, a file in it, character offsets into that file as published, and
    the SHA-256 of the normalised sentence; only text with that hash is taken.

    Args:
        archives: the folder that holds the files of `SOURCES`; some may be missing.
        references: the folder of reference files.
        target: the folder to make; an earlier one is replaced.

    Returns:
        For each source, how many references resolved, and how many there are.

    Raises:
        DocumentUnreadable: none of the archives is there, or one is damaged.
    """
    texts = {source: _read(archives, names) for source, names in SOURCES.items()}
    if not any(texts.values()):
        raise DocumentUnreadable("holds none of the archives (see data/README.md)", str(archives))
    found = dict.fromkeys(SOURCES, 0)
    total = dict.fromkeys(SOURCES, 0)
    shutil.rmtree(target, ignore_errors=True)
    with new_folder(target) as folder:
        for path in sorted(references.glob("*.jsonl")):
            joined = []
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                total[row["source"]] += 1
                text = _resolve(texts[row["source"]], row)
                if text is None:
                    continue
                found[row["source"]] += 1
                labels = {k: v for k, v in row.items() if k not in _REFERENCE_ONLY}
                labels["group"] = f"{row['source']}/{row['file']}"
                joined.append(json.dumps({"text": text, **labels}, ensure_ascii=False) + "\n")
            if joined:
                (folder / path.name).write_text("".join(joined), encoding="utf-8")
        unlabelled.write(_others(texts, references), folder)
    return {source: (found[source], total[source]) for source in SOURCES}


def _others(texts: dict[str, dict[str, str]], references: Path) -> Iterator[Sentence]:
    """Yield the sentences of all documents but those of the locked test part."""
    held: dict[str, str] = {}
    for path in references.glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            held[f"{row['source']}/{row['file']}"] = row["split"]
    for source, files in texts.items():
        for file, raw in files.items():
            name = f"{source}/{file}"
            part = unlabelled.part(name, held.get(name))
            if part is None:
                continue
            text = pages.parse(raw)[0] if file.endswith(".html") else raw
            document = documents.parse(text)
            for span in document.sentences():
                if sentence := normalize(document.text[span.start : span.end]):
                    yield Sentence(sentence, name, part)


def _resolve(texts: dict[str, str], row: dict[str, Any]) -> str | None:
    """Return the sentence a reference means, None where the archive has another text there."""
    sentence = visible(texts.get(row["file"], "")[row["start"] : row["end"]], row["file"])
    return sentence if digest(sentence) == row["sha256"] else None


def visible(raw: str, file: str) -> str:
    """Return the normalised text that a reader sees of a stretch of a file as published."""
    if file.endswith(".html"):
        raw = html.unescape(_TAG.sub(" ", raw))
    return normalize(raw)


def _read(archives: Path, names: list[str]) -> dict[str, str]:
    """Return the texts of a source by file name; empty where the archive is missing."""
    texts: dict[str, str] = {}
    for name in names:
        path = archives / name
        if not path.exists():
            continue
        try:
            if path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    for member in archive.namelist():
                        if member.endswith((".txt", ".html")):
                            texts[Path(member).name] = archive.read(member).decode("utf-8")
            else:
                csv.field_size_limit(10**8)
                rows = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline=""))
                texts |= {row["url"].rsplit("/", 1)[-1]: row["text"] for row in rows}
        except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, OSError) as error:
            raise DocumentUnreadable(f"is damaged ({error})", str(path)) from error
    return texts
