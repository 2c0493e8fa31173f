"""Reference points that need no training: people, the start of the dialogue, its longest turn.

    python -m pipeline.baselines

A method is expected between them. human: each reference scored against the others of its dialogue, where every
dialogue has several. They are one fewer than a method has, so compare only its mean ROUGE: BLEU and the best reference
gain from every further one. lead: the first turns, until they are as long as the references are on average.
longest_turn: the turn with the most words. Turns are taken as they are, with the speaker; in a dialogue on
a single line a sentence is a turn.
"""

import statistics

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.core.shapes import Record
from pipeline.evaluation.language_check import check_language
from pipeline.evaluation.metrics import Scorer
from pipeline.evaluation.scoring import all_references, summarize
from pipeline.evaluation.words import sentences, words
from pipeline.parameters.score import Score


def run(paths: Paths, *, score: Score) -> None:
    records = files.read_jsonl(paths.records("test"), Record)
    references = all_references(records)
    check_language(references, score.language, paths.records("test"))
    scorer = Scorer(score.use_stemmer, score.language)
    length = statistics.fmean(len(words(text)) for text in references)
    language = score.language
    systems = {
        "longest_turn": [scorer.row(longest_turn(row["dialogue"], language), row["references"]) for row in records],
        "lead": [scorer.row(lead(row["dialogue"], length, language), row["references"]) for row in records],
    }
    if all(len(record["references"]) > 1 for record in records):
        systems = {"human": [score_references(record["references"], scorer) for record in records]} | systems
    for name, columns in systems.items():
        dialogues = [{"id": record["id"], **row} for record, row in zip(records, columns)]
        files.write_parquet(paths.baselines / f"{name}.parquet", dialogues)
        one_fewer = [record | {"references": record["references"][1:]} for record in records]
        compared = one_fewer if name == "human" else records
        files.write_json(paths.baselines / f"{name}.json", summarize(dialogues, compared, scorer, score))
    print(f"{paths.baselines}: {', '.join(systems)}")


def turns(dialogue: str, language: str) -> list[str]:
    """The lines of a dialogue; of one on a single line its sentences."""
    lines = [line.strip() for line in dialogue.split("\n") if line.strip()]
    return lines if len(lines) > 1 else sentences(dialogue, language).split("\n")


def longest_turn(dialogue: str, language: str) -> str:
    """The turn with the most words."""
    return max(turns(dialogue, language), key=lambda turn: len(words(turn)))


def lead(dialogue: str, length: float, language: str) -> str:
    """The first turns that together have at least `length` words."""
    taken: list[str] = []
    for turn in turns(dialogue, language):
        if sum(len(words(text)) for text in taken) >= length:
            break
        taken.append(turn)
    return " ".join(taken)


def score_references(references: list[str], scorer: Scorer) -> dict[str, float]:
    """The columns of each reference scored against the others, averaged."""
    each = [
        scorer.row(text, [other for index, other in enumerate(references) if index != number])
        for number, text in enumerate(references)
    ]
    return {column: statistics.fmean(row[column] for row in each) for column in each[0]}


if __name__ == "__main__":
    run_stage(run)
