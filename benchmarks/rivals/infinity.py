"""infinity-emb's classifier through its Python interface."""

import os
from pathlib import Path

import torch
from infinity_emb import EngineArgs, SyncEngineArray

from benchmarks.rivals import job


def load(weights: Path, threads: int) -> job.Classify:
    """Return the engine as a classifier, in the type that `STANCE_NUMBERS` names."""
    torch.set_num_threads(threads)
    settings = EngineArgs(
        model_name_or_path=str(weights),
        engine="torch",
        device="cpu",
        dtype=os.environ["STANCE_NUMBERS"],
        batch_size=job.BATCH,
        model_warmup=False,  # the job warms up
        served_model_name="stance",
    )
    engines = SyncEngineArray.from_args([settings])

    def classify(texts: list[str]) -> tuple[list[str], list[float]]:
        answers, _ = engines.classify(model="stance", sentences=texts).result()
        best = [max(answer, key=lambda item: item["score"]) for answer in answers]
        return [item["label"] for item in best], [item["score"] for item in best]

    return classify


if __name__ == "__main__":
    job.run(load)
