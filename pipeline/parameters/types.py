"""Types of values that several sections share."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator


def count_or_auto(value: object) -> int | str:
    if value != "auto" and (isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 2**20):
        raise ValueError(f"{value!r}: should be a whole number from 1 to {2**20}, or auto")
    return value


Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
# A number to its readers: "auto" is replaced before anything is counted with it (pipeline/models/limits.py).
CountOrAuto = Annotated[int, PlainValidator(count_or_auto)]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
