"""What is in the files that pass data from stage to stage: the keys that later stages use."""

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

Texts = Annotated[list[str], Field(min_length=1)]


Source = Annotated[dict[str, Any], Field(min_length=1)]  # data/raw/source.json: what was downloaded


class Record(TypedDict):
    """A line of data/records."""

    id: str
    dialogue: str
    references: Texts


class Demonstration(TypedDict):
    """A worked example of few-shot: a line of models/few_shot/demonstrations.jsonl."""

    instruction: str
    completion: str
    dialogue: str


class Prompt(Demonstration):
    """A line of data/prompts."""

    id: str
    prompt: str
    references: Texts


class TokenLimits(TypedDict):
    """data/limits.json."""

    max_source_tokens: int
    max_new_tokens: int | None


class Tokens(TypedDict):
    """A row of data/tokens."""

    input_ids: list[int]
    labels: list[int]
