"""A FastAPI endpoint with transformers' pipeline, as most guides have it."""

import os

import torch
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline

torch.set_num_threads(int(os.environ["STANCE_THREADS"]))
model = pipeline(
    "text-classification",
    model=os.environ["STANCE_WEIGHTS"],
    trust_remote_code=True,
    device="cpu",
    batch_size=32,
)
app = FastAPI()


class Sentences(BaseModel):
    """A request."""

    sentences: list[str]


@app.post("/classify")
def classify(request: Sentences) -> list[dict[str, str | float]]:
    """Return each sentence's label and score."""
    return list(model(request.sentences, truncation=True))
