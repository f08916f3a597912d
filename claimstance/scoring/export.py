"""A scored archive's table as one CSV or JSON Lines file, for tools that read no Parquet."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset

from claimstance.durable import replace
from claimstance.scoring.shard import SENTIMENT_SCORES, STANCE_SCORES

FORMATS = ("csv", "jsonl")


def write(folder: Path, form: str, schema: pa.Schema) -> Path:
    """Write `sentences.csv` or `sentences.jsonl` beside a job's shards of `schema`, one by one."""
    path = folder / f"sentences.{form}"
    batches = pa.dataset.dataset(folder / "sentences", schema).to_batches(batch_readahead=1)
    scores = [name for name in (*STANCE_SCORES, *SENTIMENT_SCORES) if name in schema.names]

    def rows(target: Path) -> None:
        if form == "csv":
            plain = pa.schema([(field.name, _plain(field.type)) for field in schema])
            with pa.csv.CSVWriter(target, plain) as out:
                for batch in batches:
                    out.write_table(pa.table(batch).cast(plain))
        else:
            with target.open("w", encoding="utf-8") as lines:
                for batch in batches:
                    for row in batch.to_pylist():
                        for name in scores:
                            row[name] = round(row[name], 6)
                        lines.write(json.dumps(row, ensure_ascii=False) + "\n")

    replace(path, rows)
    return path


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
