"""Write the bundled support calls as canonical records, and the questions of the forgetting measurement.

    python -m support_calls.write

Every call of a split comes from its own generator, so that a larger train leaves validation and test as they are.
No dialogue and no reference occurs twice, neither in one split nor in two.
"""

import random
from collections.abc import Iterator
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.core.progress import progress
from pipeline.parameters.support_calls import SupportCalls
from support_calls.dialogues import Call, compose
from support_calls.questions import QUESTIONS, TASKS, next_turn, question_record
from support_calls.world import Split

REFERENCES = {"train": 1, "validation": 3, "test": 3}


def run(paths: Paths, *, support_calls: SupportCalls) -> None:
    seen: set[str] = set()
    splits: tuple[Split, ...] = ("test", "validation", "train")  # held-out first: a larger train must avoid them
    for split in splits:
        count = getattr(support_calls, split)
        calls = progress(unseen(support_calls.seed, split, count, seen), count, f"write {split}")
        rows = (record(split, number, call) for number, call in enumerate(calls))
        files.write_jsonl(paths.support_calls(split), rows)
    files.write_jsonl(paths.support_calls("questions"), questions(support_calls.seed, support_calls.questions, seen))
    files.write_jsonl(paths.support_calls("text"), texts(support_calls.seed, support_calls.texts, seen))
    files.write_jsonl(paths.support_calls("rehearsal"), rehearsal(support_calls.seed, support_calls.rehearsal, seen))
    total = support_calls.train + support_calls.validation + support_calls.test
    print(f"{total} support calls in {paths.support_calls('train').parent}")


def unseen(seed: int, split: Split, count: int, seen: set[str]) -> Iterator[Call]:
    """That many calls of a split, none of whose texts is in `seen`, to which they are added."""
    rng = random.Random(f"{seed} {split}")
    while count:
        call = compose(rng, split, REFERENCES[split])
        texts = {call.text(), *call.references}
        if len(texts) == 1 + len(call.references) and not texts & seen:
            seen |= texts
            count -= 1
            yield call


def record(split: Split, number: int, call: Call) -> dict[str, str]:
    """One row: dialogue and summary as in DialogSum, and what the tasks call_reason and call_question ask for."""
    names = ["summary"] if len(call.references) == 1 else [f"summary{k + 1}" for k in range(len(call.references))]
    return {
        "id": f"support-{split}-{number:03d}",
        "dialogue": call.text(),
        **dict(zip(names, call.references)),
        "reason": str(call.facts["topic"]),
        **question(split, number, call),
    }


def question(split: Split, number: int, call: Call) -> dict[str, str]:
    """A question about the call and its answer, of a kind that the forgetting measurement does not ask."""
    rng = random.Random(f"question {split} {number}")
    asked = rng.choice([kind for kind in QUESTIONS if kind not in (*TASKS, "topic") and call.facts[kind]])
    return {"question": rng.choice(QUESTIONS[asked]), "answer": str(call.facts[asked])}


def texts(seed: int, count: int, seen: set[str]) -> list[dict[str, str]]:
    """The next thing said in as many calls that no other file holds: what the base was trained to go on with."""
    rng, rows = random.Random(f"{seed} text"), list[dict[str, str]]()
    while len(rows) < count:
        call = compose(rng, "test")
        if call.text() not in seen:
            seen.add(call.text())
            rows.append(next_turn(rng, call))
    return rows


def questions(seed: int, count: int, seen: set[str]) -> list[dict[str, Any]]:
    """As many questions of each task, about calls that no other file holds, in phrasings of test."""
    rows: list[dict[str, Any]] = []
    for task in TASKS:
        rng, of_task = random.Random(f"{seed} {task}"), list[dict[str, Any]]()
        while len(of_task) < count:
            call = compose(rng, "test")
            row = None if call.text() in seen else question_record(rng, call, task, len(of_task))
            if row:
                seen.add(call.text())
                of_task.append(row)
        add_choices(rng, of_task)
        rows += of_task
    return rows


def rehearsal(seed: int, count: int, seen: set[str]) -> Iterator[dict[str, str]]:
    """As many questions of each task to train on: about calls that no other file holds, in the phrasings of train."""
    for task in TASKS:
        rng, number = random.Random(f"{seed} rehearsal {task}"), 0
        while number < count:
            call = compose(rng, "train")
            answer = call.facts[task]
            if call.text() not in seen and answer is not None:
                seen.add(call.text())
                asked = {"question": rng.choice(QUESTIONS[task]), "answer": answer}
                yield {"id": f"{task}-{number:03d}", "task": task, "dialogue": call.text(), **asked}
                number += 1


def add_choices(rng: random.Random, rows: list[dict[str, Any]]) -> None:
    """Add three other answers to the same question to each row, where there are enough answers and no choices yet."""
    answers = sorted({row["answer"] for row in rows})
    for row in rows:
        others = [answer for answer in answers if answer != row["answer"]]
        if "choices" not in row and len(others) >= 3:
            row["choices"] = rng.sample([row["answer"], *rng.sample(others, 3)], 4)


if __name__ == "__main__":
    run_stage(run)
