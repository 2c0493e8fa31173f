"""`generate`: how outputs are decoded, and how the cost of inference is measured."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.types import Count, CountOrAuto, Few


@section
class DecodingParams:
    """How the next token is chosen; names as in transformers.GenerationConfig."""

    max_new_tokens: CountOrAuto
    num_beams: Annotated[int, Field(ge=1, le=1000)]
    no_repeat_ngram_size: Annotated[int, Field(ge=0, le=10**4)]
    length_penalty: Annotated[float, Field(ge=-20, le=20)]  # an exponent of a length


@section
class Latency:
    """prompts: at batch size 1. new_tokens: of every text; the second gives the time of a further token."""

    prompts: Count
    batch_size: Count
    new_tokens: Annotated[int, Field(ge=2, le=10**6)]
    rounds: Few


@section
class Generate(DecodingParams):
    """`merge` folds an adapter into the base's weights where its kind allows it."""

    batch_size: CountOrAuto
    merge: bool
    precision: Literal["fp32", "bf16"]
    latency: Latency
