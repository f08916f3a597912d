"""The bodies of requests and responses; what `/docs.json` shows."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from claimstance.labels import Sentiment, Stance

Score = Annotated[float, Field(ge=0, le=1)]


class ClassifyRequest(BaseModel):
    """Sentences to classify."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sentences: Annotated[list[str], Field(min_length=1)]


class AnalyzeRequest(BaseModel):
    """A whole document to split and classify."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str


class SentencePrediction(BaseModel):
    """What the model says of one sentence; each head's scores sum to 1."""

    stance: Stance
    stance_scores: dict[Stance, Score]
    sentiment: Sentiment
    sentiment_scores: dict[Sentiment, Score]
    confident: bool
    tokens: int
    truncated: bool


class ClassifyResponse(BaseModel):
    """One prediction per sentence, in the order sent."""

    model: str
    predictions: list[SentencePrediction]


class DocumentSentence(SentencePrediction):
    """A sentence of the document: `text[start:end]` in characters of the text as sent."""

    start: int
    end: int
    text: str


class LabelSummary(BaseModel):
    """How often a label was given: a count, and its share of all sentences."""

    count: int
    share: Score


class Summary(BaseModel):
    """The document's labels, counted."""

    sentences: int
    stance: dict[Stance, LabelSummary]
    sentiment: dict[Sentiment, LabelSummary]


class AnalyzeResponse(BaseModel):
    """A document's sentences with their predictions, its metadata, and a summary."""

    model: str
    metadata: dict[str, str]
    sentences: list[DocumentSentence]
    summary: Summary


class ErrorBody(BaseModel):
    """What was wrong, and where."""

    code: str
    message: str
    where: str | None


class ErrorResponse(BaseModel):
    """The one shape of every refusal."""

    error: ErrorBody


class HeadDescription(BaseModel):
    """One head of the model: its labels in order, and from what score a label is confident."""

    labels: list[str]
    thresholds: dict[str, Score]


class ModelResponse(BaseModel):
    """The model version that answers, and what this installation accepts."""

    model: str
    version: str
    created: str
    precision: str
    max_tokens: int
    stance: HeadDescription
    sentiment: HeadDescription
    limits: dict[str, int]
    corpus_fingerprint: str
    metrics: dict[str, Any]
