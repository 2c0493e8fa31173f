"""The noise floor: how far a training's seed alone moves a score, and the difference of two methods.

`python -m pipeline.sweep seeds` writes what it found in the experiments of several seeds to reports/sweeps/seeds.json;
`compare` reads it where it is about the very run that is compared.
"""

import json
import math
import statistics
from pathlib import Path

SEEDS = Path("reports/sweeps/seeds.json")


def found(series: list[list]) -> dict:
    """Method -> seed -> headline scores, from the points of a sweep over `seed`; of each method the first series."""
    methods: dict[str, dict] = {}
    for points in series:
        scores = {
            str(point.value): {name: one["mean"] for name, one in point.scores["scores"].items()} for point in points
        }
        methods.setdefault(points[0].method, scores)
    return {"dialogues": len(series[0][0].rows), "methods": methods}


def load(path: Path = SEEDS) -> dict:
    """Method -> seed -> headline scores of `found`; empty before any sweep over seeds."""
    return json.loads(path.read_text(encoding="utf-8"))["methods"] if path.exists() else {}


def applies(methods: dict, name: str, scores: dict) -> bool:
    """Whether this very run is one of the sweep's: the sweep is about another configuration otherwise."""
    own = {key: one["mean"] for key, one in scores.items()}
    return own in methods.get(name, {}).values()


def spread(methods: dict, score: str = "rouge1") -> dict[str, dict]:
    """Method -> number of seeds, mean, standard deviation (n - 1), lowest and highest of a score."""
    values = {name: [one[score] for one in seeds.values()] for name, seeds in methods.items()}
    return {
        name: {
            "seeds": len(each),
            "mean": statistics.fmean(each),
            "sd": statistics.stdev(each),
            "lowest": min(each),
            "highest": max(each),
        }
        for name, each in values.items()
        if len(each) > 1
    }


def difference(methods: dict, first: str, second: str, score: str = "rouge1") -> dict | None:
    """first minus second over the seeds both have: mean, standard deviation, and Student's 95 % interval of the mean.

    None with fewer than two seeds in common. Where the interval holds zero, seeds move the difference by more than
    it is.
    """
    common = [seed for seed in methods[first] if seed in methods[second]]
    if len(common) < 2:
        return None
    from scipy.special import stdtrit

    apart = [methods[first][seed][score] - methods[second][seed][score] for seed in common]
    middle, sd = statistics.fmean(apart), statistics.stdev(apart)
    half = float(stdtrit(len(apart) - 1, 0.975)) * sd / math.sqrt(len(apart))
    return {"seeds": len(apart), "difference": middle, "sd": sd, "low": middle - half, "high": middle + half}
