"""The recipe of a training run: every number that shapes a model version, in one file."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from claimstance.errors import DocumentUnreadable, InvalidInput

RECIPE = Path(__file__).parent / "recipe.toml"

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """A recipe; an unknown key is refused. `recipe.toml` holds the values and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str
    max_tokens: Annotated[int, Field(ge=8, le=512)]
    replay: Annotated[int, Field(ge=0)]
    first_stage: Annotated[int, Field(ge=0)]
    epochs: Annotated[int, Field(ge=0)]
    min_steps: Annotated[int, Field(ge=0)]
    small_rate: Annotated[float, Field(gt=0, le=1)]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Positive
    head_learning_rate: Positive
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Fraction
    dropout: Fraction
    label_smoothing: Fraction
    sentiment_weight: Annotated[float, Field(ge=0)]
    class_balance: Fraction
    teacher: Fraction
    average: Fraction
    confident_precision: Fraction


def load(path: Path | None = None) -> Settings:
    """Return the recipe in a TOML file; keys it leaves out are those of the project's recipe.

    Without a file, that is the project's recipe itself.

    Raises:
        DocumentUnreadable: the file cannot be read.
        InvalidInput: it is not TOML, or a key is unknown or out of range; `where` names it.
    """
    return completed(_read(path) if path else {}, str(path or RECIPE))


def completed(values: dict[str, Any], where: str) -> Settings:
    """Return a recipe with what `values` leave out taken from the project's recipe.

    Raises:
        InvalidInput: a key is unknown or out of range; `where` is told with it.
    """
    try:
        return Settings.model_validate(_read(RECIPE) | values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(first["msg"], f"{where} {'.'.join(map(str, first['loc']))}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DocumentUnreadable(f"cannot be opened ({error.strerror})", str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"is not TOML ({error})", str(path)) from error
