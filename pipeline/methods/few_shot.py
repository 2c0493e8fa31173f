"""Few-shot: some worked examples from train are in the prompt; nothing is trained."""

import random
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from pipeline.core.errors import InputError
from pipeline.methods.base import section


@section
class Params:
    num_examples: Annotated[int, Field(ge=1, le=1000)]


def demonstrations(prompts: Sequence[dict[str, Any]], params: Params, seed: int) -> list[dict[str, Any]]:
    """`num_examples` of train's prompts, drawn by the seed. Raises InputError when train has fewer."""
    if len(prompts) < params.num_examples:
        raise InputError(f"few_shot.num_examples={params.num_examples}, but train has {len(prompts)} examples")
    return random.Random(f"{seed} few_shot").sample(prompts, params.num_examples)
