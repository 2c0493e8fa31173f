"""Many metrics of every system, in groups and side by side, so that trade-offs are in view. Nothing is averaged.

Liang et al. (2023), Holistic Evaluation of Language Models, whose groups these are. Each metric has an interval for
each system, and a paired difference from the best one, corrected for the number of pairs (Holm).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.core.runs import parse_run
from pipeline.evaluation.calibration import (
    CALIBRATION_ERROR,
    RANK_CORRELATION,
    confidence_bins,
    error_by_chance,
    rank_columns,
)
from pipeline.evaluation.estimates import estimate
from pipeline.evaluation.metrics import Metric, mean, percent
from pipeline.evaluation.pairs import check_same_rows, compare_columns, find_pair
from pipeline.evaluation.seed_rows import by_seed, count_seeds, split_by_seed
from pipeline.evaluation.shapes import PEOPLE, Answer, Judgement, PerturbedScore
from pipeline.evaluation.tasks import primary_metric
from pipeline.evaluation.tasks.base import TaskScorer
from pipeline.parameters.metrics import FAIRNESS, Metrics
from pipeline.parameters.score import Score

Rows = Sequence[dict[str, Any]]
QUALITY, FAITHFULNESS, MEANING, CALIBRATION = "Quality", "Faithfulness", "Meaning", "Calibration"
ROBUSTNESS, PERSONS, ABILITIES = "Robustness", "Fairness", "Other abilities"
SUPPORTED = Metric(
    "supported entities", ("supported", "claims"), lambda sums, _: 100 * sums[:, 0] / np.maximum(sums[:, 1], 1), ""
)
SIMILARITY = Metric("similarity to the references", ("value",), mean, "", bounds=(-100.0, 100.0))
LIKELIHOOD = Metric("likelier after its own input", ("value",), mean, "", bounds=(-math.inf, math.inf))
CORRECT = {"written": "answers as written", "by_choice": "answers by choice"}


@dataclass(frozen=True)
class Measured:
    """A metric of some systems: system -> (seeds, items, columns), and how many seeds each has.

    meaning: one sentence for readers. scores: those of the systems where they are known already. people: what the
    references score. by_chance: system -> what it would score without any fault.
    """

    group: str
    metric: Metric
    meaning: str
    values: dict[str, np.ndarray]
    seeds: dict[str, int]
    higher_is_better: bool = True
    digits: int = 1
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    people: float | None = None
    by_chance: dict[str, float] = field(default_factory=dict)


def metric_groups(
    systems: list[dict[str, Any]],
    rows: Mapping[str, Rows],
    runs: dict[str, list[str]],
    kind: type[TaskScorer],
    paths: Paths,
    score: Score,
    metrics: Metrics,
) -> list[dict[str, Any]]:
    """Every metric as comparison.json has it, group by group.

    systems: those of the comparison, without baselines. rows: system -> its scored outputs. runs: method -> its runs.
    Raises InputError where two systems answered different examples.
    """
    answers = {
        name: [
            {"seed": parse_run(run)[1], **row}
            for run in of_method
            for row in files.read_jsonl(paths.answers(run), Answer)
        ]
        for name, of_method in runs.items()
    }
    found = [
        *quality(systems, rows, kind),
        *faithfulness(rows),
        *judged(rows, paths, metrics),
        *calibration(rows, answers, kind),
        *perturbed(rows, runs, kind, paths, metrics),
        *abilities(answers),
    ]
    return [summary(one, score) for one in found]


def summary(measured: Measured, score: Score) -> dict[str, Any]:
    """A metric with every system's score and its difference from the best one."""
    best_of = max if measured.higher_is_better else min
    estimates = measured.scores or {
        name: asdict(estimate(values, measured.metric, score)) for name, values in measured.values.items()
    }
    best = best_of(estimates, key=lambda name: estimates[name]["mean"])
    pairs = compare_columns(measured.values, measured.seeds, measured.metric, score)
    differences = {
        name: {key: asdict(find_pair(pairs, name, best).estimate)[key] for key in DIFFERENCE}
        for name in estimates
        if name != best
    }
    found = {
        "group": measured.group,
        "name": measured.metric.title,
        "meaning": measured.meaning,
        "higher_is_better": measured.higher_is_better,
        "digits": measured.digits,
        "items": next(iter(measured.values.values())).shape[1],
        "systems": estimates,
        "best": best,
        "differences": differences,
    }
    if measured.people is not None:
        found["people"] = measured.people
    return found | ({"by_chance": measured.by_chance} if measured.by_chance else {})


DIFFERENCE = ("difference", "low", "high", "p", "p_holm", "significant")


def seeds_of(rows: Mapping[str, Rows]) -> dict[str, int]:
    return {name: count_seeds(each) for name, each in rows.items()}


def quality(systems: list[dict[str, Any]], rows: Mapping[str, Rows], kind: type[TaskScorer]) -> Iterator[Measured]:
    """The task's own metrics, with the intervals of the table of scores."""
    for name, metric in kind.metrics.items():
        values = {system: metric.matrix(each) for system, each in rows.items()}
        scores = {row["name"]: row["scores"][name] for row in systems}
        yield Measured(QUALITY, metric, "As in the table of scores.", values, seeds_of(rows), scores=scores)


def faithfulness(rows: Mapping[str, Rows]) -> Iterator[Measured]:
    """Of all names, numbers and speaker tags of the outputs, how many the inputs have."""
    if not all("claims" in each[0] for each in rows.values()):
        return
    values = {name: by_seed(_count_supported(each), SUPPORTED.columns) for name, each in rows.items()}
    meaning = "Percent of the names, numbers and speaker tags in the outputs that their inputs have."
    yield Measured(FAITHFULNESS, SUPPORTED, meaning, values, seeds_of(rows))


def _count_supported(rows: Rows) -> Rows:
    return [
        {
            **{key: row[key] for key in ("id", "seed", "claims") if key in row},
            "supported": row["claims"] - len(row["unsupported"]),
        }
        for row in rows
    ]


def judged(rows: Mapping[str, Rows], paths: Paths, metrics: Metrics) -> Iterator[Measured]:
    """What judges say of the outputs, and of the references."""
    said = {
        "base_likelihood": (
            FAITHFULNESS,
            LIKELIHOOD,
            "How much likelier the base model finds an output after its own input than after another, in nats per "
            "token.",
            2,
        ),
        "similarity": (
            MEANING,
            SIMILARITY,
            "100 times the cosine of the sentence embeddings of output and reference (all-MiniLM-L6-v2).",
            1,
        ),
    }
    for judge in metrics.judges:
        group, metric, meaning, digits = said[judge]
        found = files.read_parquet(paths.judged(judge), shape=Judgement)
        of_system = {name: [row for row in found if row["system"] == name] for name in rows}
        if lacking := [name for name, each in of_system.items() if not each]:
            raise files.damaged(paths.judged(judge), f"nothing of {lacking[0]}")
        check_same_rows(of_system)
        values = {name: by_seed(each, ("value",)) for name, each in of_system.items()}
        references = [row["value"] for row in found if row["system"] == PEOPLE]
        people = sum(references) / len(references) if judge == "base_likelihood" else None  # its own in similarity
        yield Measured(group, metric, meaning, values, seeds_of(of_system), digits=digits, people=people)


def calibration(rows: Mapping[str, Rows], answers: Mapping[str, Rows], kind: type[TaskScorer]) -> Iterator[Measured]:
    """Is a method as often right as it is sure, and does it find its better outputs likelier?"""
    sure = {name: [row for row in each if row.get("confidence") is not None] for name, each in rows.items()}
    of_labels = {name: each for name, each in sure.items() if each}
    if of_labels:
        yield _calibration_error(
            of_labels, lambda row: row["accuracy_by_choice"], "error of confidence", "in labels by choice"
        )
    closed = {name: [row for row in each if row.get("confidence") is not None] for name, each in answers.items()}
    if closed and all(closed.values()):
        right: Callable[[dict[str, Any]], float] = lambda row: float(row["correct"]["by_choice"])  # noqa: E731
        yield _calibration_error(closed, right, "error of confidence, questions", "in questions by choice")
    metric = kind.metrics[primary_metric(kind)]
    likely = {name: each for name, each in rows.items() if any(row.get("nats") is not None for row in each)}
    if likely:
        values = {
            name: np.stack([rank_columns(of_seed, metric) for of_seed in split_by_seed(each).values()])
            for name, each in likely.items()
        }
        meaning = (
            f"Spearman's rank correlation of an output's likelihood per token with its {metric.title}: 1 where better "
            "outputs are likelier, 0 where likelihood says nothing."
        )
        yield Measured(CALIBRATION, RANK_CORRELATION, meaning, values, seeds_of(likely), digits=2)


def _calibration_error(
    rows: Mapping[str, Rows], right: Callable[[dict[str, Any]], float], title: str, where: str
) -> Measured:
    metric = Metric(title, CALIBRATION_ERROR.columns, CALIBRATION_ERROR.score, "")
    values = {
        name: np.stack([confidence_bins(of_seed, right) for of_seed in split_by_seed(each).values()])
        for name, each in rows.items()
    }
    meaning = f"How far confidence is from the share that is right {where}, in points, over ten steps of confidence."
    return Measured(
        CALIBRATION,
        metric,
        meaning,
        values,
        seeds_of(rows),
        higher_is_better=False,
        by_chance={name: error_by_chance([row["confidence"] for row in each]) for name, each in rows.items()},
    )


def perturbed(
    rows: Mapping[str, Rows], runs: dict[str, list[str]], kind: type[TaskScorer], paths: Paths, metrics: Metrics
) -> Iterator[Measured]:
    """The primary metric of the perturbed inputs minus that of the same inputs as they are."""
    if not metrics.perturbations or not runs:
        return
    primary = kind.metrics[primary_metric(kind)]
    (column,) = primary.columns
    tables = {
        name: [row for run in of_method for row in files.read_parquet(paths.robustness(run), shape=PerturbedScore)]
        for name, of_method in runs.items()
    }
    for perturbation in metrics.perturbations:
        after = {name: [row for row in each if row["perturbation"] == perturbation] for name, each in tables.items()}
        if lacking := [name for name, each in after.items() if not each]:
            raise files.damaged(paths.robustness(runs[lacking[0]][0]), f"nothing of {perturbation}")
        check_same_rows(after)
        taken = {row["id"] for row in next(iter(after.values()))}
        before = {name: [row for row in rows[name] if row["id"] in taken] for name in after}
        values = {name: by_seed(after[name], (column,)) - by_seed(before[name], (column,)) for name in after}
        group = PERSONS if perturbation in FAIRNESS else ROBUSTNESS
        metric = Metric(perturbation, (column,), primary.score, "", bounds=(-100.0, 100.0))
        meaning = f"{primary.title} of the inputs that it changes, minus that of the same inputs unchanged."
        yield Measured(group, metric, meaning, values, seeds_of(after))


def abilities(answers: Mapping[str, Rows]) -> Iterator[Measured]:
    """The questions that no method was tuned on."""
    for reading, title in CORRECT.items():
        asked = {
            name: [{**row, "right": float(row["correct"][reading])} for row in each if reading in row["correct"]]
            for name, each in answers.items()
        }
        if asked and all(asked.values()):
            check_same_rows(asked)
            values = {name: by_seed(each, ("right",)) for name, each in asked.items()}
            meaning = "Percent of the questions of the forgetting measurement, all together."
            yield Measured(ABILITIES, Metric(title, ("right",), percent, ""), meaning, values, seeds_of(asked))
