"""`generate`: how summaries are decoded, and how latency is measured."""

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
    """At batch size 1: how many prompts, and how often each."""

    prompts: Count
    repeats: Few


@section
class Generate(DecodingParams):
    """`merge` folds an adapter into the base's weights where its kind allows it."""

    batch_size: CountOrAuto
    merge: bool
    precision: Literal["fp32", "bf16"]
    latency: Latency
