"""`seeds`, and the runs that they make of the methods (names: pipeline/core/runs.py)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from pipeline.core.params import section
from pipeline.parameters.types import Seed


def refuse_repeated(seeds: list[int]) -> list[int]:
    if repeated := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
        raise ValueError(f"{repeated[0]} is named {seeds.count(repeated[0])} times")
    return seeds


@section
class Run:
    """What one training is of."""

    method: str
    seed: Seed | None


Seeds = Annotated[list[Seed], Field(min_length=1, max_length=1000), AfterValidator(refuse_repeated)]
SeedsOf = dict[str, list[Seed]]  # method -> its seeds; empty for one that depends on none
