"""`score`: metrics, intervals, warnings, external systems."""

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

from pipeline.core.params import section
from pipeline.parameters.languages import parse_language
from pipeline.parameters.types import File, Percent, Resamples, Seed

# Rows of the tables that are no system's: what pipeline/baselines.py scores, and the references among the diagnostics.
# An external system cannot have one of these names.
BASELINES = ("human", "longest_turn", "lead", "most_frequent", "references")


@section
class Warn:
    """Bounds of warnings: percentage points above the references, and the mean length relative to theirs."""

    truncated: Percent
    empty: Percent
    repeats: Percent
    unsupported: Percent
    unlisted: Percent
    length_ratio: Annotated[list[Annotated[float, Field(ge=0, le=10**6)]], Field(min_length=2, max_length=2)]


class EvaluateMetric(TypedDict):
    """A metric of Hugging Face's `evaluate` with its further arguments."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]
    name: File


@section
class Score:
    """`language`: a code without its region. `external`: name of a system -> file of its predictions."""

    language: Annotated[str, BeforeValidator(parse_language)]
    use_stemmer: bool
    resamples: Resamples
    seed: Seed
    non_inferiority_margin: Annotated[float, Field(ge=0, le=100)]
    warn: Warn
    external: dict[Annotated[str, Field(pattern=r"^\w[\w-]*$", max_length=60)], File]
    evaluate: list[File | EvaluateMetric]
