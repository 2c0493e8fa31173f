"""The difference of two systems: its size, its 95 % interval and its p-value, corrected where several are tested."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.evaluation.bootstrap import ALPHA, PairedResampling, Statistic, holm

Z_95 = 1.959964  # half of a normal 95 % interval, in standard errors


@dataclass(frozen=True)
class Difference:
    """One score minus another; p_holm and significant are set by `correct`."""

    difference: float
    low: float
    high: float
    p: float
    p_holm: float = math.nan
    significant: bool = False


def paired_difference(
    first: np.ndarray, second: np.ndarray, statistic: Statistic, resampling: PairedResampling
) -> Difference:
    """first minus second on the same dialogues; both are (dialogues, columns)."""
    change = resampling.change(first, second, statistic)
    return Difference(change.mean, change.low, change.high, resampling.p_value(first, second, statistic))


def unpaired_difference(first: dict[str, float], second: dict[str, float]) -> Difference:
    """first minus second from two scores (mean, low, high), whose intervals are taken as independent and normal."""
    error = math.hypot(*((score["high"] - score["low"]) / (2 * Z_95) for score in (first, second)))
    change = first["mean"] - second["mean"]
    p = math.erfc(abs(change) / error / math.sqrt(2)) if error else float(change == 0)
    return Difference(change, change - Z_95 * error, change + Z_95 * error, p)


def correct(differences: Sequence[Difference]) -> list[Difference]:
    """The differences with p-values corrected for their number (Holm) and whether each is significant."""
    corrected = holm([difference.p for difference in differences])
    return [replace(each, p_holm=p, significant=p < ALPHA) for each, p in zip(differences, corrected)]


def format_p(p: float) -> str:
    """A p-value rounded as papers do (`p < 0.001`, `p = 0.012`), never onto the bound of significance."""
    if round(p, 3) == ALPHA and p != ALPHA:
        return f"p = {p:.4f}"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
