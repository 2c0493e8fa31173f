"""`generate`: how summaries are decoded, and how latency is measured."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.types import Count, CountOrAuto


@section
class DecodingParams:
    """How the next token is chosen; names as in transformers.GenerationConfig."""

    max_new_tokens: CountOrAuto
    num_beams: Count
    no_repeat_ngram_size: Annotated[int, Field(ge=0)]
    length_penalty: float


@section
class Latency:
    """At batch size 1: how many prompts, and how often each."""

    prompts: Count
    repeats: Count


@section
class Generate(DecodingParams):
    """`merge` folds an adapter into the base's weights where its kind allows it."""

    batch_size: CountOrAuto
    merge: bool
    precision: Literal["fp32", "bf16"]
    latency: Latency
