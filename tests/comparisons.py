"""A comparison of systems whose ROUGE-1 is known, as `compare` writes it."""

import numpy as np

from pipeline.evaluation.baseline_differences import minus_baselines
from pipeline.evaluation.pairs import compare_pairs
from pipeline.evaluation.rouge_bleu import METRICS
from pipeline.evaluation.tasks.summarization import Summarization
from tests.systems import settings

COSTS = {"trainable_parameters": 0, "share": 0.0, "needs_base": True, "request_tokens": 200.0}
FULL = COSTS | {"trainable_parameters": 100_000, "share": 1.0, "needs_base": False}
ADAPTER = COSTS | {"trainable_parameters": 2_500, "share": 0.025}


def rows(points: np.ndarray, seeds=(None,)) -> list[dict]:
    """(seeds, examples) of ROUGE-1 as rows; every other column is 1."""
    others = {column: 1.0 for metric in METRICS.values() for column in metric.columns}
    return [
        {"id": str(number), "seed": seed} | others | {"rouge1": float(value)}
        for seed, each in zip(seeds, points)
        for number, value in enumerate(each)
    ]


def comparison_of(
    systems: dict[str, tuple[np.ndarray, dict]], lead: float = 10.0, margin: float = 3.0, **extra
) -> dict:
    """systems: name -> ROUGE-1 as (seeds, examples) and the costs; two methods with the same rows are never apart."""
    tables = {
        name: rows(points, range(17, 17 + len(points)) if costs["trainable_parameters"] else (None,))
        for name, (points, costs) in systems.items()
    }
    score = settings(non_inferiority_margin=margin, resamples=2000)
    examples = next(iter(systems.values()))[0].shape[1]
    baselines = {name: rows(np.full((1, examples), lead)) for name in ("lead", "longest_turn")}
    return {
        "primary_metric": "rouge1",
        "examples": examples,
        "non_inferiority_margin": margin,
        "systems": [
            {
                "name": name,
                "kind": "method",
                "flags": [],
                "scores": {"rouge1": {"mean": float(points.mean())}},
                "by_seed": {
                    str(17 + index): {"rouge1": float(each.mean())}
                    for index, each in enumerate(points)
                    if costs["trainable_parameters"]
                },
                "minus_baselines": minus_baselines(tables[name], baselines, METRICS["rouge1"], score),
            }
            | costs
            for name, (points, costs) in systems.items()
        ],
        "pairs": {
            name: [pair.to_json() for pair in pairs]
            for name, pairs in compare_pairs(tables, Summarization, score).items()
        },
    }
