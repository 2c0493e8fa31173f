"""What a method forgot: accuracy on questions and loss on text that no method was tuned on, compared with the base."""

from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation.bootstrap import PairedResampling
from pipeline.evaluation.shapes import Answer, Forgetting
from pipeline.parameters.score import Score

BASE = "zero_shot"  # the base model as it is


def forgetting_metrics(method: str, paths: Paths, score: Score, base_measured: bool) -> dict[str, Any]:
    """Accuracy in percent by task, loss on held-out text in nats per token, and the change of both against the base.

    Each change has a paired bootstrap interval, over the questions within each task and over the texts. Without
    base_measured there are no changes. Raises InputError where the base answered different questions.
    """
    measured = files.read_json(paths.forgetting(method), Forgetting)
    result = {
        "accuracy": {task: 100 * share for task, share in measured["accuracy"].items()},
        "questions": measured["questions"],
        "by_choice": measured["by_choice"],
        "text_loss": measured["text_loss"]["mean"],
    }
    if not base_measured:
        return result
    before, after = (files.read_jsonl(paths.answers(name), Answer) for name in (BASE, method))
    if [row["id"] for row in before] != [row["id"] for row in after]:
        raise InputError(
            f"{paths.answers(method).parent}: {BASE} and {method} answered different questions: run `dvc repro` again"
        )
    resampling = PairedResampling.draw_within([row["task"] for row in after], score.resamples, score.seed)
    change = resampling.change(_correct_by_task(after), _correct_by_task(before), mean_accuracy)
    result["accuracy_change"] = asdict(change)
    base_loss = files.read_json(paths.forgetting(BASE), Forgetting)["text_loss"]
    lengths = {len(loss[key]) for loss in (base_loss, measured["text_loss"]) for key in ("nats", "tokens")}
    if len(lengths) > 1:
        raise InputError(f"{paths.forgetting(method)}: {BASE} and {method} read different texts: run `dvc repro` again")
    resampling = PairedResampling.draw(len(base_loss["nats"]), score.resamples, score.seed)
    change = resampling.change(_nats_and_tokens(measured["text_loss"]), _nats_and_tokens(base_loss), nats_per_token)
    return result | {"text_loss_change": asdict(change)}


def _nats_and_tokens(loss: dict[str, Any]) -> np.ndarray:
    """(texts, 2): the nats of each text, and its tokens."""
    return np.array([loss["nats"], loss["tokens"]], dtype=np.float64).T


def nats_per_token(sums: np.ndarray) -> np.ndarray:
    """All nats divided by all tokens."""
    return sums[:, 0] / sums[:, 1]


def _correct_by_task(answers: list[dict[str, Any]]) -> np.ndarray:
    """(questions, 2 x tasks): whether a question is of a task and was answered correctly, then whether it is of it."""
    tasks = list(dict.fromkeys(row["task"] for row in answers))
    of_task = np.array([[row["task"] == task for task in tasks] for row in answers], dtype=np.float64)
    correct = np.array([[float(row["correct"])] for row in answers])
    return np.hstack([of_task * correct, of_task])


def mean_accuracy(sums: np.ndarray) -> np.ndarray:
    """The mean over the tasks of their accuracy in percent."""
    correct, asked = np.split(sums, 2, axis=1)
    return 100 * (correct / asked).mean(axis=1)
