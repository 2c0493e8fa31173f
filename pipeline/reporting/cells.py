"""Cells of a table: a value and how it is written. The same text in Markdown and on the HTML page."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.differences import format_change, format_p, signed

BYTE_UNITS = ("B", "KiB", "MiB")
LEVEL = "≈"  # not shown to be worse than the best


@dataclass(frozen=True)
class Text:
    """A name or a label."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Code:
    """A key or a value, in fixed-width letters."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Missing:
    """Nothing was measured, or it does not apply. text: `-` where a reader could expect a value, else empty."""

    text: str = "-"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Number:
    """A number with fixed digits; sign writes the plus of a difference, significant counts digits from the first."""

    value: float
    digits: int = 1
    sign: bool = False
    significant: bool = False

    def __str__(self) -> str:
        return f"{self.value + 0.0:{'+' if self.sign else ''}.{self.digits}{'g' if self.significant else 'f'}}"


@dataclass(frozen=True)
class Estimated:
    """A score with its 95 % interval."""

    mean: float
    low: float
    high: float
    digits: int = 1

    def __str__(self) -> str:
        return f"{self.mean:.{self.digits}f} [{self.low:.{self.digits}f}, {self.high:.{self.digits}f}]"


@dataclass(frozen=True)
class Measured:
    """A median with an interval or quartiles and its unit, in two significant digits: a clock gives no more."""

    median: float
    low: float | None = None
    high: float | None = None
    unit: str = ""

    def __str__(self) -> str:
        text = f"{two_digits(self.median)} {self.unit}".rstrip()
        if self.low is None or self.high is None:
            return text
        return f"{text} [{two_digits(self.low)}, {two_digits(self.high)}]"


@dataclass(frozen=True)
class Interval:
    """The 95 % interval of a difference."""

    low: float
    high: float
    digits: int = 1

    def __str__(self) -> str:
        return f"{signed(self.low, self.digits)} to {signed(self.high, self.digits)}"


@dataclass(frozen=True)
class Changed:
    """A change with its 95 % interval; with `value`, what it changed to stands before it."""

    mean: float
    low: float
    high: float
    digits: int = 1
    value: float | None = None

    def __str__(self) -> str:
        change = format_change(self.mean, self.low, self.high, self.digits)
        return change if self.value is None else f"{self.value + 0.0:.{self.digits}f} ({change})"


@dataclass(frozen=True)
class PValue:
    p: float

    def __str__(self) -> str:
        return format_p(self.p).removeprefix("p ").removeprefix("= ")


@dataclass(frozen=True)
class Count:
    value: float

    def __str__(self) -> str:
        return f"{self.value:,.0f}"


@dataclass(frozen=True)
class Percent:
    value: float
    digits: int = 0

    def __str__(self) -> str:
        return f"{self.value:.{self.digits}f} %"


@dataclass(frozen=True)
class Seconds:
    value: float
    digits: int = 1

    def __str__(self) -> str:
        return f"{self.value:.{self.digits}f} s"


@dataclass(frozen=True)
class Mebibytes:
    value: float

    def __str__(self) -> str:
        return f"{self.value:,.0f} MiB"


@dataclass(frozen=True)
class Bytes:
    """A size in the unit that reads best."""

    value: float

    def __str__(self) -> str:
        count = self.value
        for unit in BYTE_UNITS:
            if count < 1024:
                return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
            count /= 1024
        return f"{count:.2f} GiB"


@dataclass(frozen=True)
class Shaded:
    """A cell of a heat table. shade: 0 (the worst of its row) to 1 (the best). best: the best, or not shown to be worse
    than it: `level`.
    """

    cell: "Estimated | Number"
    shade: float
    best: bool = False
    level: bool = False

    def __str__(self) -> str:
        return f"{self.cell} {LEVEL}" if self.level else str(self.cell)


Cell = (
    Text
    | Code
    | Missing
    | Number
    | Estimated
    | Measured
    | Interval
    | Changed
    | PValue
    | Count
    | Percent
    | Seconds
    | Mebibytes
    | Bytes
    | Shaded
)
EMPTY = Missing("")


def two_digits(value: float) -> str:
    """Two significant digits, without an exponent."""
    rounded = float(f"{value:.1e}")
    if rounded >= 10:
        return f"{rounded:,.0f}"
    digits = 1 - math.floor(math.log10(abs(rounded))) if rounded else 1
    return f"{rounded:.{digits}f}"


def optional(kind: Callable[..., Cell], value: Any, *arguments: Any) -> Cell | None:
    """A cell of the value; None where there is no value."""
    return None if value is None else kind(value, *arguments)


def measured(median: dict[str, float], unit: str = "") -> Cell:
    """A cell of a median (median, low, high) with its interval."""
    return Measured(median["median"], median["low"], median["high"], unit)


def estimated(score: dict[str, float]) -> Cell:
    """A score (mean, low, high) with its interval."""
    return Estimated(score["mean"], score["low"], score["high"])
