"""A scored archive's table: its columns, and how a shard of it reaches the disk."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from claimstance.durable import replace
from claimstance.inputs.readers import KNOWN
from claimstance.labels import SENTIMENTS, STANCES

STANCE_SCORES = tuple(str(label) for label in STANCES)
SENTIMENT_SCORES = tuple(f"sentiment_{label}" for label in SENTIMENTS)

SCHEMA = pa.schema(
    [
        ("document", pa.string()),
        ("source", pa.string()),
        ("row", pa.int64()),
        ("sentence", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("text", pa.string()),
        ("stance", pa.dictionary(pa.int8(), pa.string())),
        *((name, pa.float32()) for name in STANCE_SCORES),
        ("sentiment", pa.dictionary(pa.int8(), pa.string())),
        *((name, pa.float32()) for name in SENTIMENT_SCORES),
        ("confident", pa.bool_()),
        ("stage", pa.dictionary(pa.int8(), pa.string())),
        ("tokens", pa.int32()),
        ("truncated", pa.bool_()),
        *((name, pa.string()) for name in KNOWN),
        ("metadata", pa.string()),
        ("model", pa.dictionary(pa.int8(), pa.string())),
    ]
)
"""One row per sentence, in the order of the inputs. `row` is the document's row in a row file,
null for a file that is one document; `start` and `end` are characters of the document's text;
`stage` tells whether the first stage answered or the encoder (`claimstance/screen.py`);
`metadata` is a JSON object of what has no column of its own, null where there is nothing."""


def schema(stance_only: bool) -> pa.Schema:
    """Return a job's columns: all, or those that are not of sentiment."""
    return pa.schema(
        [field for field in SCHEMA if not (stance_only and field.name.startswith("sentiment"))]
    )


def write_table(table: pa.Table, path: Path) -> None:
    """Write a shard: the same rows give the same bytes."""
    replace(path, lambda file: pa.parquet.write_table(table, file, compression="zstd"))
