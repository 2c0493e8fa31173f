"""What the soft prompts of all runs say: do their nearest tokens do what they do, and what do two seeds share?

Khashabi et al. (2022), Prompt Waywardness: The Curious Case of Discretized Interpretation of Continuous Prompts.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.runs import parse_run
from pipeline.evaluation.bootstrap import ALPHA, Estimate, PairedResampling
from pipeline.evaluation.differences import format_change
from pipeline.evaluation.nearest_tokens import SAMPLE, cosine
from pipeline.evaluation.soft_prompt_shapes import ReadToken, SoftPromptRun, VirtualToken
from pipeline.parameters.score import Score

Row = dict[str, Any]
ALL, NOTHING = 80.0, 10.0  # percent of a prompt's effect: with more its words say what it does, with less they do not
OUTSIDE = 0.05  # of random directions this share is nearer to a token than the bound that is called chance


def soft_prompts(runs: list[str], paths: Paths, score: Score) -> Row:
    """What each run's prompt says, and what the prompts of each two seeds of a method share."""
    records = {run: files.read_json(paths.soft_prompt_run(run), SoftPromptRun) for run in runs}
    tables = {run: files.read_parquet(paths.soft_prompt_tokens(run), shape=VirtualToken) for run in runs}
    for run, record in records.items():
        if lacking := {"trained", "snapped", "none"} - set(record["nats"]):
            raise files.damaged(paths.soft_prompt_run(run), f"no {min(lacking)!r}")
        if any(len(each) != len(record["labels"]) for each in record["nats"].values()):
            raise files.damaged(paths.soft_prompt_run(run), "losses of other examples than it counts")
    first = next(iter(runs))
    for run in runs:
        if records[run]["labels"] != records[first]["labels"]:
            raise InputError(
                f"{paths.soft_prompt_run(run)}: {first} and {run} were read with different examples: "
                "run `dvc repro` again"
            )
    return {
        "examples": len(records[first]["labels"]),
        "neutralized_examples": records[first]["neutralized_examples"],
        "vocabulary": records[first]["vocabulary"],
        "runs": {run: prompt_reading(records[run], tables[run], score) for run in runs},
        "shared": [
            {"first": one, "second": other, **shared(tables[one], tables[other])}
            for one, other in combinations(runs, 2)
            if parse_run(one)[0] == parse_run(other)[0]
        ],
    }


def prompt_reading(record: Row, table: list[Row], score: Score) -> Row:
    """The losses of a run's prompt, how near its vectors are to tokens, and a sentence that says what they mean."""
    labels = np.array(record["labels"], dtype=np.float64)
    nats = {kind: np.array(each) for kind, each in record["nats"].items()}
    losses = {kind: float(each.sum() / labels.sum()) for kind, each in nats.items()}
    columns = np.stack([nats["none"], nats["trained"], nats["snapped"], labels], axis=1)
    draws = PairedResampling.draw(len(labels), score.resamples, score.seed)
    gain = draws.estimate(columns, lambda sums: (sums[:, 0] - sums[:, 1]) / sums[:, 3])
    kept = draws.estimate(columns, kept_share) if gain.low > 0 else None
    nearest = np.array([row["cosines"][0] for row in table])
    outside = int((nearest > record["vocabulary"]["random"]["high"]).sum())
    verdict = verdict_of(kept)
    return {
        "virtual_tokens": record["virtual_tokens"],
        "verdict": verdict,
        "sentence": sentence(verdict, gain, kept, losses),
        "losses": losses,
        "gain": asdict(gain),
        "kept": kept and asdict(kept),
        "cosine": float(np.median(nearest)),
        "norm": float(np.median([row["norm"] for row in table])),
        "beyond_random": outside,
        "like_random": binomial_tail(outside, len(table), OUTSIDE) > ALPHA,
        "unmoved": None if table[0]["initial"] is None else sum(row["words"][0] == row["initial"] for row in table),
        "tokens": [{key: row[key] for key in ReadToken.__annotations__} for row in table],
    }


def kept_share(sums: np.ndarray) -> np.ndarray:
    """Percent of what the prompt takes off the loss that its nearest tokens keep; sums: none, trained, snapped."""
    gain = sums[:, 0] - sums[:, 1]
    return 100 * (sums[:, 0] - sums[:, 2]) / np.where(np.abs(gain) < 1e-9, 1e-9, gain)


def verdict_of(kept: Estimate | None) -> str:
    """`words` where the nearest tokens are shown to do what the prompt does, `wayward` where they are shown not to,
    `part` where they are shown to do some of it, `unclear` where nothing is shown; `no gain` of a prompt that does
    nothing.
    """
    if kept is None:
        return "no gain"
    if kept.low >= ALL or kept.high <= NOTHING:
        return "words" if kept.low >= ALL else "wayward"
    return "part" if kept.low > 0 else "unclear"


def sentence(verdict: str, gain: Estimate, kept: Estimate | None, losses: Row) -> str:
    """Whether the words mean anything."""
    if kept is None:
        return (
            "The words have nothing to say: the prompt is not shown to lower the loss "
            f"({format_change(-gain.mean, -gain.high, -gain.low, 3)} nats per token)."
        )
    share = f"{round(kept.mean)} % [{round(kept.low)}, {round(kept.high)}]"
    share = f"nothing ({share})" if kept.mean < 0 else share
    change = f"of what the prompt takes off the loss ({losses['none']:.3f} without it, {losses['trained']:.3f} with it)"
    if "initial" in losses:
        began = 100 * (losses["none"] - losses["initial"]) / (losses["none"] - losses["trained"])
        change += f"; the tokens that it began as keep {f'{round(began)} %' if began > 0 else 'nothing'}"
    meaning = {
        "words": "The words mean what the prompt does",
        "part": "The words mean a part of what the prompt does",
        "wayward": "The words mean nothing",
        "unclear": "It is not shown that the words mean anything",
    }[verdict]
    return f"{meaning}: alone, the nearest tokens keep {share} {change}."


def binomial_tail(successes: int, trials: int, chance: float) -> float:
    """The probability of so many successes or more."""
    each = (math.comb(trials, n) * chance**n * (1 - chance) ** (trials - n) for n in range(successes, trials + 1))
    return min(1.0, math.fsum(each))


def shared(first: list[Row], second: list[Row]) -> Row:
    """What two prompts have in common: nearest tokens, those of them that both began with, and directions.

    cosine: the mean over vectors of the highest cosine to one of the other prompt; random: the same of random vectors.
    """
    words, others = ({row["words"][0] for row in table} for table in (first, second))
    began = {row["initial"] for row in first} & {row["initial"] for row in second} - {None}
    common = words & others
    vectors, other_vectors = (np.array([row["vector"] for row in table]) for table in (first, second))
    return {
        "words": [word for word in dict.fromkeys(row["words"][0] for row in first) if word in common],
        "begun_with": len(common & began),
        "cosine": round(mutual_cosine(vectors, other_vectors), 4),
        "random": round(random_cosine(vectors, other_vectors), 4),
    }


def mutual_cosine(first: np.ndarray, second: np.ndarray) -> float:
    each = cosine(first, second)
    return float((each.max(axis=0).mean() + each.max(axis=1).mean()) / 2)


def random_cosine(first: np.ndarray, second: np.ndarray) -> float:
    """The `mutual_cosine` of as many random vectors, the mean over some draws."""
    rng = np.random.default_rng(0)
    draws = max(1, SAMPLE // len(first))
    return float(
        np.mean([mutual_cosine(rng.normal(size=first.shape), rng.normal(size=second.shape)) for _ in range(draws)])
    )


def clusters_of(tokens: list[Row]) -> Mapping[int, list[Row]]:
    """The virtual tokens of each cluster that has several, by its number."""
    found: dict[int, list[Row]] = {}
    for row in tokens:
        found.setdefault(row["cluster"], []).append(row)
    return {number: rows for number, rows in found.items() if len(rows) > 1}
