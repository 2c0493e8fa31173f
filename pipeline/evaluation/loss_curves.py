"""Training and validation losses, as DVCLive wrote them."""

import csv
import io
from dataclasses import dataclass
from pathlib import PurePosixPath

FILES = {  # inside a method's folder of curves
    "training": PurePosixPath("plots/metrics/train/loss.tsv"),
    "validation": PurePosixPath("plots/metrics/validation/loss.tsv"),
}


@dataclass(frozen=True)
class LossPoint:
    """The loss of a method at an optimizer step, in nats per token."""

    method: str
    step: int
    loss: float


def parse_losses(method: str, tsv: str) -> list[LossPoint]:
    """The points of one method's curve, from a file of FILES."""
    rows = csv.DictReader(io.StringIO(tsv), delimiter="\t")
    return [LossPoint(method, int(row["step"]), float(row["loss"])) for row in rows]


def format_losses(points: list[LossPoint]) -> str:
    """Points as tab-separated values, for `dvc plots`; DVC makes no plot of a file without rows."""
    lines = ["method\tstep\tloss", *(f"{point.method}\t{point.step}\t{point.loss}" for point in points)]
    return "\n".join(lines) + "\n"
