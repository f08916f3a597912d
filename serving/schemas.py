"""The bodies of requests and responses; what `/docs.json` shows."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from claimstance.bundle import NAME, VERSION_PATTERN
from claimstance.labels import Sentiment, Stance
from serving.settings import Limits

Score = Annotated[float, Field(ge=0, le=1, strict=True)]

MODEL_PATTERN = f"^{NAME}:{VERSION_PATTERN.removeprefix('^')}"
"""A version as responses name it."""


CANDIDATE_PATTERN = f"^({NAME}:)?{VERSION_PATTERN.removeprefix('^')}"
"""A version as requests name it: by its name, or as responses do."""


class ClassifyRequest(BaseModel):
    """Sentences to classify, by the version in production or by `model`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sentences: Annotated[
        list[str], Field(min_length=1, examples=[["The reef is ours.", "They agreed to talk."]])
    ]
    model: Annotated[str, Field(pattern=CANDIDATE_PATTERN)] | None = None


class AnalyzeRequest(BaseModel):
    """A whole document to split and classify."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(examples=["The reef is ours. They agreed to talk about it."])]


class ExplainRequest(BaseModel):
    """A sentence whose words are to be weighed."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sentence: Annotated[str, Field(examples=["The islands are part of our territory."])]


class SentencePrediction(BaseModel):
    """What the model says of one sentence; each head's scores sum to 1."""

    stance: Stance
    stance_scores: dict[Stance, Score]
    sentiment: Sentiment
    sentiment_scores: dict[Sentiment, Score]
    confident: Annotated[bool, Field(strict=True)]
    tokens: Annotated[int, Field(strict=True, ge=0)]
    truncated: Annotated[bool, Field(strict=True)]


class ShownPrediction(SentencePrediction):
    """A prediction as `/classify` gave it, and nothing beside."""

    # BentoML's own reading refuses what an unknown field may hold here, and logs the request.
    model_config = ConfigDict(extra="forbid")


class FeedbackRequest(BaseModel):
    """A sentence with the labels that are right: a stance, a sentiment, or both.

    `prediction` is what was shown, `model` the version that predicted it.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "anyOf": [
                {"required": [head], "properties": {head: {"type": "string"}}}
                for head in ("stance", "sentiment")
            ],
            "examples": [{"text": "They agreed to talk.", "stance": "conciliatory"}],
        },
    )

    text: Annotated[str, Field(strict=True)]
    stance: Stance | None = None
    sentiment: Sentiment | None = None
    prediction: ShownPrediction | None = None
    model: Annotated[str, Field(strict=True, pattern=MODEL_PATTERN)] | None = None


class FeedbackResponse(BaseModel):
    """A correction that is on the disk: its number, and when it was kept (ISO 8601, UTC)."""

    id: int
    time: str


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


class WordChange(BaseModel):
    """A word, `sentence[start:end]` in characters, and what leaving it out does.

    `change` is the score of the predicted stance without the word, less the score with it: below
    0 where the word speaks for the stance.
    """

    start: int
    end: int
    text: str
    change: Annotated[float, Field(ge=-1, le=1)]


class ExplainResponse(BaseModel):
    """How much each word of a sentence weighs, measured by leaving it out (occlusion).

    `score` is that of `stance`, the predicted one; `words` are in the sentence's order. Where
    `truncated`, the model read only the sentence's beginning.
    """

    model: str
    method: Literal["occlusion"]
    stance: Stance
    score: Score
    truncated: bool
    words: list[WordChange]


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
    """The model version that answers, and what this installation accepts.

    `refused` names the version that ought to answer, where that one cannot be loaded.
    """

    model: str
    refused: str | None
    version: str
    created: str
    precision: str
    max_tokens: int
    stance: HeadDescription
    sentiment: HeadDescription
    limits: Limits
    corpus_fingerprint: str
    metrics: dict[str, Any]
