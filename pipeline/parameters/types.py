"""Types of values that several sections share. Bounds are far above any use: what is beyond them is a slip."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from pipeline.core.messages import shown


def count_or_auto(value: object) -> int | str:
    if value != "auto" and (isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 2**20):
        raise ValueError(f"{shown(value)}: should be a whole number from 1 to {2**20}, or auto")
    return value


Count = Annotated[int, Field(ge=1, le=10**9)]  # rows, steps
Few = Annotated[int, Field(ge=1, le=10**4)]  # epochs, repeats, evaluations
Batch = Annotated[int, Field(ge=1, le=65_536)]
Width = Annotated[int, Field(ge=1, le=65_536)]  # of a matrix: a rank, a hidden size
Tokens = Annotated[int, Field(ge=1, le=10**7)]
SoftTokens = Annotated[int, Field(ge=1, le=10**4)]
Resamples = Annotated[int, Field(ge=1, le=10**6)]
Positive = Annotated[float, Field(gt=0, le=10**6)]
LearningRate = Annotated[float, Field(gt=0, le=100)]
Share = Annotated[float, Field(ge=0, lt=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
# A number to its readers: "auto" is replaced before anything is counted with it (pipeline/models/limits.py).
CountOrAuto = Annotated[int, PlainValidator(count_or_auto)]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Name = Annotated[str, Field(max_length=200)]
File = Annotated[str, Field(max_length=4096)]
ModuleName = Annotated[str, Field(pattern=r"\S", max_length=1000)]
Modules = Annotated[list[ModuleName], Field(min_length=1, max_length=10**4)]
