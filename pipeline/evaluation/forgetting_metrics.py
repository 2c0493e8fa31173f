"""What a method forgot: accuracy on questions and loss on text that no method was tuned on, compared with the base."""

import math
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation.bootstrap import Estimate
from pipeline.evaluation.crossed import mean_score
from pipeline.evaluation.differences import paired_difference
from pipeline.evaluation.metrics import Metric
from pipeline.evaluation.paired_proportions import accuracy_change, task_weights
from pipeline.evaluation.questions import READINGS, chance_by_task, shares_by_task
from pipeline.evaluation.shapes import Answer, Forgetting, TrainingRun
from pipeline.parameters.score import Score

BASE = "zero_shot"  # the base model as it is

Answers = list[list[dict[str, Any]]]  # of each run, in the order of the questions


def forgetting_metrics(
    runs: list[str], paths: Paths, score: Score, base_measured: bool, mixed_in: Collection[str] = ()
) -> dict[str, Any]:
    """Accuracy in percent by reading and task, loss on held-out text in nats per token, and their change.

    runs: those of one method, one for each seed; figures are their means. A change has a 95 % interval: of accuracy
    over questions and seeds, of loss over texts and seeds. There is none without base_measured, or where the method
    trains nothing and so leaves the base as it is. mixed_in: names of tasks whose other examples were mixed into the
    training data; these and those left out then have a mean each. Raises InputError where two runs answered different
    questions.
    """
    against = [BASE] if base_measured and _trains(runs, paths) else []
    answers, before = read_answers(runs, paths), read_answers(against, paths)
    check_same_questions(against + runs, before + answers, paths)
    return {
        "runs": len(runs),
        "questions": len(answers[0]),
        "with_choices": sum("choices" in row for row in answers[0]),
        "readings": {
            reading: reading_metrics(reading, answers, before, mixed_in) for reading in readings_of(answers[0])
        },
        **text_loss_metrics(runs, against, paths, score),
    }


def _trains(runs: list[str], paths: Paths) -> bool:
    return files.read_json(paths.training_run(runs[0]), TrainingRun)["trainable_parameters"] > 0


def read_answers(runs: list[str], paths: Paths) -> Answers:
    return [files.read_jsonl(paths.answers(run), Answer) for run in runs]


def check_same_questions(runs: list[str], answers: Answers, paths: Paths) -> None:
    """Raise InputError where two runs answered different questions, or not in the same readings."""
    first, *others = [[(row["id"], sorted(row["correct"])) for row in of_run] for of_run in answers]
    for run, other in zip(runs[1:], others):
        if other != first:
            raise InputError(
                f"{paths.answers(run).parent}: {runs[0]} and {run} answered different questions: run `dvc repro` again"
            )


def readings_of(answers: list[dict[str, Any]]) -> list[str]:
    """The readings that say something: per character only where the choices of a question differ in length."""
    lengths_differ = any(len(set(map(len, row.get("choices", [])))) > 1 for row in answers)
    given = {reading for row in answers for reading in row["correct"]}
    return [reading for reading in READINGS if reading in given and (reading != "by_choice_norm" or lengths_differ)]


def reading_metrics(reading: str, answers: Answers, before: Answers, mixed_in: Collection[str]) -> dict[str, Any]:
    """Accuracy and chance level by task and as mean over tasks, and the change from `before` where that is given.

    In percent of the questions that have this reading. Means: those of `means_over`.
    """
    asked = [row for row in answers[0] if reading in row["correct"]]
    tasks, correct = [row["task"] for row in asked], correct_answers(answers, reading)
    means = means_over(list(dict.fromkeys(tasks)), mixed_in)
    shares = shares_by_task(tasks, correct.mean(axis=0).tolist())
    found: dict[str, Any] = {"accuracy": in_percent(shares, means)}
    found["chance"] = {kind: in_percent(shares, means) for kind, shares in chance_by_task(asked).items()}
    if reading == "written":
        found["chance"].pop("random_choice", None)
    if before:
        changes = changes_by_task(correct, correct_answers(before, reading), tasks, means)
        found["change"] = {task: asdict(change) for task, change in changes.items()}
    return found


def means_over(tasks: list[str], mixed_in: Collection[str]) -> dict[str, list[str]]:
    """What a mean is called -> the tasks that it is over: `mean`, all; with a mixture its tasks, and those left out."""
    groups = {
        "mean, mixed in": [task for task in tasks if task in mixed_in],
        "mean, left out": [task for task in tasks if task not in mixed_in],
    }
    return {"mean": tasks, **(groups if all(groups.values()) else {})}


def in_percent(shares: dict[str, float], means: dict[str, list[str]]) -> dict[str, float]:
    """The shares of tasks, and their means, in percent."""
    over = {name: sum(shares[task] for task in tasks) / len(tasks) for name, tasks in means.items()}
    return {name: 100 * share for name, share in (shares | over).items()}


def correct_answers(answers: Answers, reading: str) -> np.ndarray:
    """(runs, questions): 1 where an answer is right; of the questions that have this reading."""
    return np.array(
        [[float(row["correct"][reading]) for row in of_run if reading in row["correct"]] for of_run in answers]
    )


def changes_by_task(
    after: np.ndarray, before: np.ndarray, tasks: list[str], means: dict[str, list[str]]
) -> dict[str, Estimate]:
    """The change of each task and of the means over tasks; after and before are (runs, questions)."""
    groups = {task: [task] for task in dict.fromkeys(tasks)} | means
    changes = {}
    for name, group in groups.items():
        members = np.array([task in group for task in tasks])
        weights = task_weights([task for task in tasks if task in group])
        changes[name] = accuracy_change(after[:, members], before[:, members], weights)
    return changes


def text_loss_metrics(runs: list[str], against: list[str], paths: Paths, score: Score) -> dict[str, Any]:
    """The loss, mean over runs, and its change from the run `against`; its interval is over texts and seeds."""
    losses = {run: files.read_json(paths.forgetting(run), Forgetting)["text_loss"] for run in runs + against}
    first = losses[runs[0]]
    for run, loss in losses.items():
        if loss["tokens"] != first["tokens"] or len(loss["nats"]) != len(first["tokens"]):
            raise InputError(
                f"{paths.forgetting(run)}: {runs[0]} and {run} read different texts: run `dvc repro` again"
            )
    after = _nats_and_tokens([losses[run] for run in runs])
    found: dict[str, Any] = {"text_loss": mean_score(after, TEXT_LOSS.score)}
    if against:
        before = _nats_and_tokens([losses[run] for run in against])
        change = paired_difference(after, before, TEXT_LOSS, score, len(runs))
        found["text_loss_change"] = {"mean": change.difference, "low": change.low, "high": change.high}
    return found


def _nats_and_tokens(losses: list[dict[str, Any]]) -> np.ndarray:
    """(runs, texts, 2): the nats of each text, and its tokens."""
    return np.array([[loss["nats"], loss["tokens"]] for loss in losses], dtype=np.float64).transpose(0, 2, 1)


def nats_per_token(sums: np.ndarray, texts: int) -> np.ndarray:
    """All nats divided by all tokens."""
    return sums[:, 0] / sums[:, 1]


TEXT_LOSS = Metric("loss", ("nats", "tokens"), nats_per_token, "", bounds=(0.0, math.inf))
