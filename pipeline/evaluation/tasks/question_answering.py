"""Short answers to questions: exact match and token F1, as SQuAD defines them, against the reference that fits best.

Rajpurkar et al. (2016), SQuAD: 100,000+ Questions for Machine Comprehension of Text; its evaluation script.
"""

import re
import string
from collections import Counter
from typing import Any, ClassVar

from pipeline.evaluation import diagnostics
from pipeline.evaluation.diagnostic_warnings import warnings
from pipeline.evaluation.metrics import Metric, percent
from pipeline.evaluation.tasks.base import Record, Rows, TaskScorer
from pipeline.evaluation.words import ENGLISH, parts

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def tokens(text: str, language: str) -> list[str]:
    """The words that are compared: in English those of SQuAD, without punctuation and articles; else of any script."""
    if language == ENGLISH:
        return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()
    return parts(text, language)


def token_f1(given: list[str], expected: list[str]) -> float:
    """F1 of two bags of words, in [0, 1]; two empty ones agree."""
    if not given or not expected:
        return float(given == expected)
    shared = (Counter(given) & Counter(expected)).total()
    return 2 * shared / (len(given) + len(expected))


class QuestionAnswering(TaskScorer):
    metrics: ClassVar = {
        "exact_match": Metric("Exact match", ("exact_match",), percent, "answers"),
        "token_f1": Metric("Token F1", ("token_f1",), percent, "answers"),
    }
    baselines_note = "Baseline: most_frequent (the answer that most of the test examples have, for every one of them)."

    def row(self, given: dict[str, Any], record: Record) -> dict[str, Any]:
        language = self.score.language
        written = tokens(given["prediction"], language)
        expected = [tokens(text, language) for text in record["references"]]
        columns = {
            "exact_match": float(written in expected),
            "token_f1": max(token_f1(written, one) for one in expected),
        }
        return columns | diagnostics.of_any_text(given, record["references"])

    def signature(self, records: list[Record]) -> dict[str, str]:
        many = "-".join(map(str, sorted({len(record["references"]) for record in records})))
        english = "SQuAD's words: lower case, without punctuation and articles"
        read = english if self.score.language == ENGLISH else f"language {self.score.language}: words of any script"
        return {"answers": f"{read}|references {many}: the best of them|mean over examples|examples {len(records)}"}

    def summarize_faults(self, rows: Rows, records: list[Record]) -> dict[str, Any]:
        own = diagnostics.summarize(rows)
        references = [
            {"id": record["id"]} | diagnostics.of_any_text({"prediction": text})
            for record in records
            for text in record["references"]
        ]
        people = diagnostics.summarize(references)
        return {
            "diagnostics": own,
            "reference_diagnostics": people,
            "warnings": warnings(own, people, len(records), self.score.warn),
        }

    def baselines(self, records: list[Record]) -> dict[str, Rows]:
        answers = Counter(" ".join(tokens(record["references"][0], self.score.language)) for record in records)
        return {"most_frequent": [self.row({"prediction": answers.most_common(1)[0][0]}, record) for record in records]}
