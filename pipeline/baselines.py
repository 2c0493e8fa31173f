"""Reference points that need no training: people, and systems without a model.

    python -m pipeline.baselines

A method is expected between them. Which there are depends on the kind of task (pipeline/evaluation/tasks).

Of summaries: human, each reference scored against the others of its record, where every record has several. They are
one fewer than a method has, so compare only its mean ROUGE: BLEU and the best reference gain from every further one.
lead: the first turns, until they are as long as the references are on average. longest_turn: the turn with the most
words. Turns are taken as they are, with the speaker; in a text on a single line a sentence is a turn.

Of labels and answers: most_frequent, the one that most examples have, given for all.
"""

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.evaluation.predictions import read_references
from pipeline.evaluation.scoring import check_words, summarize, task_scorer
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task


def run(paths: Paths, *, task: Task, score: Score) -> None:
    records = list(read_references(paths.records("test"), task.source).values())
    check_words(records, task, score, paths.records("test"))
    scorer = task_scorer(task, score, records)
    systems = scorer.baselines(records)
    for name, columns in systems.items():
        examples = [{"id": record["id"], **row} for record, row in zip(records, columns)]
        files.write_parquet(paths.baselines / f"{name}.parquet", examples)
        one_fewer = [record | {"references": record["references"][1:]} for record in records]
        compared = one_fewer if name == "human" else records
        files.write_json(paths.baselines / f"{name}.json", summarize(examples, compared, scorer))
    print(f"{paths.baselines}: {', '.join(systems)}")


if __name__ == "__main__":
    run_stage(run)
