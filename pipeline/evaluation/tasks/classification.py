"""One of a few labels for each input: accuracy and macro F1, of what is written and of the likeliest label.

A written label counts as a question's answer does: case, outer spaces and a final full stop aside. The likeliest label
is found by the stages `validate` and `generate` (task.by_choice). A system that only writes, as an external one,
chooses what it wrote.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from pipeline.evaluation import diagnostics
from pipeline.evaluation.diagnostic_warnings import warnings
from pipeline.evaluation.metrics import Metric, percent
from pipeline.evaluation.questions import normalize_answer
from pipeline.evaluation.seed_rows import split_by_seed
from pipeline.evaluation.tasks.base import Record, Rows, TaskScorer


def label_counts(given: str) -> Callable[[Sequence[Record]], np.ndarray]:
    """Makes (seeds, examples, 3 x labels) of rows: whether a label is right, is given, and is expected, label by label.

    Labels are those that are expected of some example; another one that is given is a miss and nothing else.
    """

    def expand(rows: Sequence[Record]) -> np.ndarray:
        labels = {label: number for number, label in enumerate(sorted({row["label"] for row in rows}))}
        by_seed = split_by_seed(rows).values()
        counts = np.zeros((len(by_seed), len(next(iter(by_seed))), 3, len(labels)))
        for seed, of_seed in enumerate(by_seed):
            for number, row in enumerate(of_seed):
                if row[given] in labels:
                    counts[seed, number, 1, labels[row[given]]] = 1
                counts[seed, number, 2, labels[row["label"]]] = 1
                counts[seed, number, 0, labels[row["label"]]] = row[given] == row["label"]
        return counts.reshape(*counts.shape[:2], -1)

    return expand


def macro_f1(sums: np.ndarray, examples: int) -> np.ndarray:
    """The mean F1 of the labels, in points, of rows of summed `label_counts`; labels that do not occur are left out.

    scikit-learn's f1_score with average="macro" and the labels that are expected.
    """
    right, given, expected = np.split(sums, 3, axis=1)
    occurs = given + expected > 0
    f1 = 200 * right / np.where(occurs, given + expected, 1)
    return f1.sum(axis=1) / np.maximum(1, occurs.sum(axis=1))


class Classification(TaskScorer):
    metrics: ClassVar = {
        "accuracy": Metric("Accuracy", ("accuracy",), percent, "labels"),
        "macro_f1": Metric("Macro F1", ("label", "written"), macro_f1, "labels", expand=label_counts("written")),
        "accuracy_by_choice": Metric("Accuracy by choice", ("accuracy_by_choice",), percent, "labels"),
        "macro_f1_by_choice": Metric(
            "Macro F1 by choice", ("label", "chosen"), macro_f1, "labels", expand=label_counts("chosen")
        ),
    }
    reads_words = False
    baselines_note = "Baseline: most_frequent (the label that most of the test examples have, for every one of them)."

    def row(self, given: dict[str, Any], record: Record) -> dict[str, Any]:
        right = {normalize_answer(text) for text in record["references"]}
        expected, written = normalize_answer(record["references"][0]), normalize_answer(given["prediction"])
        chosen = normalize_answer(given["choice"]) if given.get("choice") is not None else written
        # Any of several references is right; it then counts as the label that was expected.
        columns: dict[str, Any] = {"label": expected, "written": expected if written in right else written}
        columns["chosen"] = expected if chosen in right else chosen
        columns |= {"accuracy": float(written in right), "accuracy_by_choice": float(chosen in right)}
        known = {normalize_answer(text) for text in record.get("choices", ())}
        return columns | diagnostics.of_any_text(given) | {"unlisted": written not in known if known else None}

    def signature(self, records: list[Record]) -> dict[str, str]:
        labels = {normalize_answer(record["references"][0]) for record in records}
        return {
            "labels": f"exact match without case, outer spaces and a final full stop|labels {len(labels)}: F1 is their "
            f"mean|examples {len(records)}"
        }

    def summarize_faults(self, rows: Rows, records: list[Record]) -> dict[str, Any]:
        own = diagnostics.summarize(rows)
        return {"diagnostics": own, "warnings": warnings(own, {}, len(records), self.score.warn)}

    def baselines(self, records: list[Record]) -> dict[str, Rows]:
        label = Counter(record["references"][0] for record in records).most_common(1)[0][0]
        return {"most_frequent": [self.row({"prediction": label}, record) for record in records]}
