"""Systems that anybody can have: people, the start of the dialogue, its longest turn. A method belongs between them.

    python -m pipeline.yardsticks RECORDS OUTPUT     (as in dvc.yaml)

human: each reference scored against the others of its dialogue, where every dialogue has several. They are one fewer
than a method has, so compare its mean ROUGE alone: BLEU and the best reference gain from every further one. lead: the
first turns, until they are as long as the references are on average. longest_turn: what was said at most length in one
go. Turns stand as they are, speaker and all; of a dialogue on a single line a sentence is a turn.
"""

import statistics
from pathlib import Path

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.evaluation import diagnostics
from pipeline.evaluation.metrics import Scorer, sentences
from pipeline.score import Score, summary

NAMES = ("human", "longest_turn", "lead")


def run(held_out: Path, output: Path, *, score: Score):
    rows = files.read_jsonl(held_out)
    scorer = Scorer(score.use_stemmer)
    wanted = statistics.fmean(len(diagnostics.words(text)) for row in rows for text in row["references"])
    systems = {
        "longest_turn": [scorer.row(longest_turn(row["dialogue"]), row["references"]) for row in rows],
        "lead": [scorer.row(lead(row["dialogue"], wanted), row["references"]) for row in rows],
    }
    if all(len(row["references"]) > 1 for row in rows):
        systems = {"human": [among_themselves(row["references"], scorer) for row in rows]} | systems
    for name, each in systems.items():
        each = [{"id": row["id"], **columns} for row, columns in zip(rows, each)]
        files.write_parquet(output / f"{name}.parquet", each)
        seen = [row | {"references": row["references"][1:]} for row in rows] if name == "human" else rows
        files.write_json(output / f"{name}.json", summary(each, seen, scorer, score))
    print(f"{output}: {', '.join(systems)}")


def turns(dialogue: str) -> list[str]:
    """A line each; of a dialogue on a single line its sentences."""
    lines = [line.strip() for line in dialogue.split("\n") if line.strip()]
    return lines if len(lines) > 1 else sentences(dialogue).split("\n")


def longest_turn(dialogue: str) -> str:
    return max(turns(dialogue), key=lambda turn: len(diagnostics.words(turn)))


def lead(dialogue: str, wanted: float) -> str:
    """The first turns that together have at least `wanted` words."""
    taken: list[str] = []
    for turn in turns(dialogue):
        if sum(len(diagnostics.words(text)) for text in taken) >= wanted:
            break
        taken.append(turn)
    return " ".join(taken)


def among_themselves(references: list[str], scorer: Scorer) -> dict[str, float]:
    """The columns of each reference against the others, their means."""
    each = [
        scorer.row(text, [other for at, other in enumerate(references) if at != number])
        for number, text in enumerate(references)
    ]
    return {column: statistics.fmean(row[column] for row in each) for column in each[0]}


if __name__ == "__main__":
    run_stage(run)
