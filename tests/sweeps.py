"""Points of sweeps whose scores are known."""

from pipeline.evaluation.rouge_bleu import METRICS
from pipeline.evaluation.sweep_series import SweepPoint

COUNT = 200


def point(value, rouge1: list[float], loss=1.0, method="lora", settings=(), experiment="one") -> SweepPoint:
    """A finished training; rouge1: a score for each dialogue."""
    mean = sum(rouge1) / len(rouge1)
    score = {"mean": mean, "low": mean - 1, "high": mean + 1}
    return SweepPoint(
        method=method,
        value=value,
        settings=tuple(settings),
        experiment=experiment,
        examples=[{"id": str(number), "rouge1": points} for number, points in enumerate(rouge1)],
        scores={"scores": {name: score for name in METRICS}},
        trainings=[
            {
                "best_validation_loss": loss,
                "trainable_parameters": 1000,
                "bytes": 4000,
                "seconds": {"train": 12.5},
                "cpu_seconds": {"train": 20.0},
                "setting": "0123456789abcdef",
            }
        ],
    )


def noisy(middle: float, shift: int = 0) -> list[float]:
    """Scores that differ from dialogue to dialogue by more than systems do."""
    return [middle + (7 * (number + shift)) % 11 - 5 for number in range(COUNT)]
