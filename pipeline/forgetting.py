"""What a method left of the base model's other abilities: questions it was not tuned on, and held-out text.

    python -m pipeline.retain METHOD QUESTIONS TEXT BASE TUNED ANSWERS RECORD     (as in dvc.yaml)

QUESTIONS has rows of id, task, prompt and answer, as JSON Lines, CSV or Parquet; with `choices` beside them a question
can be answered by the likeliest choice. TEXT has rows of text and, if wanted, prompt, or is a .txt of paragraphs.
zero_shot answers as the base does, so what a method forgot is its difference to zero_shot; few_shot changes no weight
and is asked without its examples.
"""

from pathlib import Path
from typing import Literal

from pipeline.core import files, tables
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import section
from pipeline.core.progress import progress
from pipeline.generate import Search, batches, generation_config, place
from pipeline.inference import likelihood
from pipeline.models import families, resource_monitor
from pipeline.parameters.model import Model
from pipeline.parameters.types import Count
from pipeline.tokenize import Tokenize

FIELDS = ("id", "task", "prompt", "answer")


@section
class Retain:
    """What is asked, how many questions of each task (null: all of them), and how one with choices is answered.

    exact_match: by what the model writes, as any other. log_likelihood: by the choice whose tokens have the highest
    sum of log-probabilities, not normalized by length (`acc` of the Language Model Evaluation Harness).
    """

    questions: str
    text: str
    multiple_choice: Literal["exact_match", "log_likelihood"]
    per_task: Count | None
    batch_size: Count
    max_new_tokens: Count


def run(
    method: str,
    questions: Path,
    text: Path,
    base: Path,
    tuned: Path,
    answers: Path,
    record: Path,
    *,
    model: Model,
    tokenize: Tokenize,
    retain: Retain,
):
    rows = read_questions(questions, retain.per_task)
    texts = likelihood.read_texts(text)
    clock = resource_monitor.Meter()
    with clock.phase("load"):
        tokenizer = families.load_tokenizer(base)
        network = place(families.load_tuned(base, tuned, model.arch, merge=True))
        examples = [likelihood.reading(row, tokenizer, model, tokenize.max_source_tokens) for row in texts]
    inputs = [likelihood.prompt_ids(row["prompt"], tokenizer, model) for row in rows]
    chosen = [at for at, row in enumerate(rows) if "choices" in row and retain.multiple_choice == "log_likelihood"]
    written = [at for at in range(len(rows)) if at not in set(chosen)]
    given: dict[int, str] = {}
    with clock.phase("answer"):
        asked = [inputs[at] for at in written]
        for number, answer in write(network, tokenizer, asked, retain, model.arch, f"retain {method}"):
            given[written[number]] = answer
        for at in progress(chosen, len(chosen), f"choose {method}"):
            given[at] = choose(network, tokenizer, inputs[at], rows[at]["choices"], model, retain.batch_size)
    with clock.phase("read"):
        read = likelihood.measured(network, tokenizer, examples, retain.batch_size, model.arch)
    answered = [{**row, "given": given[number], "right": same(given[number], row)} for number, row in enumerate(rows)]
    for row in answered:
        del row["prompt"]
    files.write_jsonl(answers, answered)
    shares = right_by_task(answered)
    nats, tokens = [round(-found, 4) for found, _ in read], [count for _, count in read]
    loss = sum(nats) / sum(tokens)
    files.write_json(
        record,
        {
            "method": method,
            "questions": len(rows),
            "by_choice": len(chosen),
            "right": shares,
            "text_loss": {"mean": loss, "nats": nats, "tokens": tokens},
        },
    )
    print(
        f"{method}: {len(rows)} questions in {clock.seconds['answer']:.1f} s, answered rightly: {shares}; "
        f"{len(texts)} texts, {loss:.3f} nats a token"
    )


def write(network, tokenizer, inputs: list[list[int]], retain: Retain, arch: str, title: str):
    """(number, what the model writes) for each prompt, greedily."""
    greedy = Search(max_new_tokens=retain.max_new_tokens, num_beams=1, no_repeat_ngram_size=0, length_penalty=1.0)
    config = generation_config(tokenizer, network, greedy)
    found = batches(network, tokenizer, inputs, config, retain.batch_size, arch, "fp32")
    for number, (ids, _, _) in progress(found, len(inputs), title):
        yield number, tokenizer.decode(ids, skip_special_tokens=True).strip()


def choose(network, tokenizer, prompt: list[int], choices: list[str], model: Model, batch_size: int) -> str:
    """The likeliest of a question's choices; of equals the first."""
    examples = [likelihood.answer(prompt, choice, tokenizer, model) for choice in choices]
    sums = [found for found, _ in likelihood.measured(network, tokenizer, examples, batch_size, model.arch)]
    return choices[sums.index(max(sums))]


def read_questions(path: Path, per_task: int | None) -> list[dict]:
    """The first `per_task` questions of each task. Refused names the first row that is no question."""
    rows, asked, ids = [], {}, set()
    for where, row in tables.rows(path):
        for field in FIELDS:
            if not isinstance(row.get(field), str) or not row[field].strip():
                raise InputError(f"{where}: {field!r}: expected a text, found {row.get(field)!r}")
        if row["id"] in ids:
            raise InputError(f"{where}: 'id': {row['id']!r} stands twice")
        if row["task"] == "mean":
            raise InputError(f"{where}: 'task': 'mean' is the name of the tasks' mean; choose another")
        ids.add(row["id"])
        choices = row.get("choices")
        if choices is not None:
            check_choices(where, choices, row["answer"])
        asked[row["task"]] = asked.get(row["task"], 0) + 1
        if per_task is None or asked[row["task"]] <= per_task:
            rows.append({field: row[field] for field in FIELDS} | ({"choices": choices} if choices else {}))
    return rows


def check_choices(where: str, choices: object, answer: str) -> None:
    """Refused unless these are two different texts or more, one of them the answer."""
    texts = isinstance(choices, list) and all(isinstance(one, str) and one.strip() for one in choices)
    if not texts or len({plain(one) for one in choices}) < max(2, len(choices)):
        raise InputError(f"{where}: 'choices': expected two different texts or more, found {choices!r}")
    if answer not in choices:
        raise InputError(f"{where}: 'answer': {answer!r} is none of the choices {choices!r}")


def same(given: str, question: dict) -> bool:
    """Exact match; case, outer spaces and a full stop at the end do not count."""
    return plain(given) == plain(question["answer"])


def plain(text: str) -> str:
    return text.strip().removesuffix(".").lower()


def right_by_task(answered: list[dict]) -> dict[str, float]:
    """The share of right answers of each task, and `mean` over the tasks."""
    right: dict[str, list[bool]] = {}
    for row in answered:
        right.setdefault(row["task"], []).append(row["right"])
    scores = {task: sum(hits) / len(hits) for task, hits in right.items()}
    return {**scores, "mean": sum(scores.values()) / len(scores)}


if __name__ == "__main__":
    run_stage(run)
