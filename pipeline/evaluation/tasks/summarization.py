"""Summaries: ROUGE and BLEU against every reference, and faults of the texts beside those of people's."""

import statistics
from collections.abc import Iterable
from typing import Any

from pipeline.evaluation import diagnostics
from pipeline.evaluation.diagnostic_warnings import warnings
from pipeline.evaluation.entities import find_entities
from pipeline.evaluation.rouge_bleu import FURTHER_COLUMNS, METRICS, RougeBleu
from pipeline.evaluation.tasks.base import Record, Rows, TaskScorer
from pipeline.evaluation.words import sentences, words
from pipeline.parameters.score import Score


class Summarization(TaskScorer):
    metrics = METRICS
    further = tuple(FURTHER_COLUMNS)
    baselines_note = (
        "Baselines: human (each reference against the others, which are one fewer than a method has, so BLEU and best "
        "are left out), lead (the input's first turns or sentences) and longest_turn."
    )

    def __init__(self, score: Score, source: str, records: Iterable[Record]) -> None:
        super().__init__(score, source, records)
        texts = (text for record in records for text in (record[source], *record["references"]))
        self._scorer = RougeBleu(score.use_stemmer, score.language)
        self._entities = find_entities(texts, score.language)

    def row(self, given: dict[str, Any], record: Record) -> dict[str, Any]:
        columns = self._scorer.row(given["prediction"], record["references"])
        return columns | diagnostics.diagnose(given, record[self.source], record["references"], self._entities)

    def signature(self, records: list[Record]) -> dict[str, str]:
        return self._scorer.signature([record["references"] for record in records])

    def summarize_faults(self, rows: Rows, records: list[Record]) -> dict[str, Any]:
        own = diagnostics.summarize(rows)
        people = diagnostics.summarize(diagnostics.diagnose_references(records, self.source, self._entities))
        return {
            "diagnostics": own,
            "reference_diagnostics": people,
            "warnings": warnings(own, people, len(records), self.score.warn),
        }

    def baselines(self, records: list[Record]) -> dict[str, Rows]:
        language, scorer = self.score.language, self._scorer
        length = statistics.fmean(len(words(text)) for record in records for text in record["references"])
        systems = {
            "longest_turn": [
                scorer.row(longest_turn(row[self.source], language), row["references"]) for row in records
            ],
            "lead": [scorer.row(lead(row[self.source], length, language), row["references"]) for row in records],
        }
        if all(len(record["references"]) > 1 for record in records):
            systems = {"human": [score_references(record["references"], scorer) for record in records]} | systems
        return systems


def turns(text: str, language: str) -> list[str]:
    """The lines of a text; of one on a single line its sentences."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return lines if len(lines) > 1 else sentences(text, language).split("\n")


def longest_turn(text: str, language: str) -> str:
    """The turn with the most words."""
    return max(turns(text, language), key=lambda turn: len(words(turn)))


def lead(text: str, length: float, language: str) -> str:
    """The first turns that together have at least `length` words."""
    taken: list[str] = []
    for turn in turns(text, language):
        if sum(len(words(one)) for one in taken) >= length:
            break
        taken.append(turn)
    return " ".join(taken)


def score_references(references: list[str], scorer: RougeBleu) -> dict[str, float]:
    """The columns of each reference scored against the others, averaged."""
    each = [
        scorer.row(text, [other for index, other in enumerate(references) if index != number])
        for number, text in enumerate(references)
    ]
    return {column: statistics.fmean(row[column] for row in each) for column in each[0]}
