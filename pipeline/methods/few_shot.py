"""Few-shot: k worked examples from train stand in the prompt; nothing is trained."""

import random
from typing import Annotated

from pydantic import Field

from pipeline.core.errors import InputError
from pipeline.core.params import section


@section
class Params:
    k: Annotated[int, Field(ge=1)]


def demonstrations(prompts: list[dict], params: Params, seed: int) -> list[dict]:
    """k of train's prompts, drawn by the seed; Refused when there are fewer."""
    if len(prompts) < params.k:
        raise InputError(f"few_shot.k={params.k}, but train has {len(prompts)} dialogues")
    return random.Random(f"{seed} few_shot").sample(prompts, params.k)
