"""What is in the files that pass data from stage to stage: the keys that later stages use."""

import functools
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

Texts = Annotated[list[str], Field(min_length=1)]


Source = Annotated[dict[str, Any], Field(min_length=1)]  # data/raw/source.json: what was downloaded


@functools.cache
def record(*fields: str) -> Any:
    """A line of data/records: the fields of the task (parameters/task.py), each a text, and its references.

    choices: the labels that an output may be.
    """
    others = {"references": Texts, "choices": NotRequired[Texts]}
    return TypedDict("Record", {"id": str, **dict.fromkeys(fields, str), **others})  # type: ignore[misc,operator]


class Demonstration(TypedDict):
    """A worked example of few-shot: a line of models/few_shot/demonstrations.jsonl.

    source: the part of the instruction that may be shortened.
    """

    instruction: str
    completion: str
    source: str


class Prompt(Demonstration):
    """A line of data/prompts."""

    id: str
    prompt: str
    references: Texts
    choices: NotRequired[Texts]


class TokenLimits(TypedDict):
    """data/limits.json."""

    max_source_tokens: int
    max_new_tokens: int | None


class Tokens(TypedDict):
    """A row of data/tokens."""

    input_ids: list[int]
    labels: list[int]
