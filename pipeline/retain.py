"""What a method left of the base model's other abilities: questions it was not tuned on, and general text.

    python -m pipeline.retain METHOD QUESTIONS TEXT BASE TUNED ANSWERS RECORD     (as in dvc.yaml)

QUESTIONS is JSON Lines of id, task, prompt and answer; with `choices` beside them a question can be answered by the
likeliest choice. TEXT is JSON Lines of text (and prompt), or a .txt of paragraphs. zero_shot answers as the base does,
so what a method forgot is its difference to zero_shot; few_shot changes no weight and is asked without its examples.
"""

import statistics
from pathlib import Path
from typing import Literal

from pipeline import families, likelihood, meter, records, stage, tables, template
from pipeline.generate import Search, batches, generation_config, place
from pipeline.sources import Count, Model
from pipeline.tokenize import Tokenize, token_ids

FIELDS = ("id", "task", "prompt", "answer")


@stage.params
class Retain:
    """What is asked, how many questions of each task (null: all of them), and how an answer is found.

    A question with choices is answered by what the model writes, as any other, or by the choice it finds likeliest:
    the sum of the log-probabilities of its tokens, end token included (`acc` of the Language Model Evaluation Harness).
    """

    questions: str
    text: str
    choices: Literal["exact_match", "log_likelihood"]
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
    clock = meter.Meter()
    with clock.phase("load"):
        tokenizer = families.load_tokenizer(base)
        network = place(families.load_tuned(base, tuned, model.arch, merge=True))
    chat = tokenizer if model.chat else None
    prompts = [template.assemble([], row["prompt"], chat) for row in rows]
    inputs = [token_ids(prompt, tokenizer, model)["input_ids"] for prompt in prompts]
    chosen = [at for at, row in enumerate(rows) if "choices" in row and retain.choices == "log_likelihood"]
    written = [at for at in range(len(rows)) if at not in set(chosen)]
    given: dict[int, str] = {}
    with clock.phase("answer"):
        asked = [inputs[at] for at in written]
        for number, answer in write(network, tokenizer, asked, retain, model.arch, f"retain {method}"):
            given[written[number]] = answer
        choices = {at: rows[at]["choices"] for at in chosen}
        given |= choose(network, tokenizer, inputs, choices, model, retain.batch_size)
    with clock.phase("read"):
        examples = [likelihood.reading(one, tokenizer, model, tokenize.max_source_tokens) for one in texts]
        losses = [0.0] * len(texts)
        for at, found, tokens in likelihood.measured(network, tokenizer, examples, retain.batch_size, model.arch):
            losses[at] = round(-found / tokens, 5)
    answered = [{**row, "given": given[number], "right": same(given[number], row)} for number, row in enumerate(rows)]
    for row in answered:
        del row["prompt"]
    records.write(answers, answered)
    shares = right_by_task(answered)
    records.write_json(
        record,
        {
            "method": method,
            "questions": len(rows),
            "by_choice": len(chosen),
            "right": shares,
            "text_loss": {"mean": statistics.fmean(losses), "each": losses},
        },
    )
    print(
        f"{method}: {len(rows)} questions in {clock.seconds['answer']:.1f} s, answered rightly: {shares}; "
        f"{len(texts)} texts, {statistics.fmean(losses):.3f} nats a token"
    )


def write(network, tokenizer, inputs: list[list[int]], retain: Retain, arch: str, title: str):
    """(number, what the model writes) for each prompt, greedily."""
    greedy = Search(max_new_tokens=retain.max_new_tokens, num_beams=1, no_repeat_ngram_size=0, length_penalty=1.0)
    config = generation_config(tokenizer, network, greedy)
    found = batches(network, tokenizer, inputs, config, retain.batch_size, arch, "fp32")
    for number, (ids, _, _) in stage.progress(found, len(inputs), title):
        yield number, tokenizer.decode(ids, skip_special_tokens=True).strip()


def choose(
    network, tokenizer, inputs: list[list[int]], choices: dict[int, list[str]], model: Model, batch_size: int
) -> dict[int, str]:
    """The likeliest of the choices of each question named by its place in `inputs`; of equals the first."""
    pairs = [(at, choice) for at, all_of in choices.items() for choice in all_of]
    examples = [likelihood.completion(inputs[at], choice, tokenizer, model) for at, choice in pairs]
    sums = {
        number: found for number, found, _ in likelihood.measured(network, tokenizer, examples, batch_size, model.arch)
    }
    best: dict[int, tuple[float, str]] = {}
    for number, (at, choice) in enumerate(pairs):
        if at not in best or sums[number] > best[at][0]:
            best[at] = (sums[number], choice)
    return {at: choice for at, (_, choice) in best.items()}


def read_questions(path: Path, per_task: int | None) -> list[dict]:
    """The first `per_task` questions of each task. Refused names the first line that is no question."""
    rows, asked = [], {}
    for where, row in tables.located(path):
        for field in FIELDS:
            if not isinstance(row.get(field), str) or not row[field].strip():
                raise stage.Refused(f"{where}: {field!r}: expected a text, found {row.get(field)!r}")
        choices = row.get("choices")
        if choices is not None:
            if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(one, str) for one in choices):
                raise stage.Refused(f"{where}: 'choices': expected two texts or more, found {choices!r}")
            if row["answer"] not in choices:
                raise stage.Refused(f"{where}: 'answer': {row['answer']!r} is none of the choices {choices!r}")
        asked[row["task"]] = asked.get(row["task"], 0) + 1
        if per_task is None or asked[row["task"]] <= per_task:
            rows.append({field: row[field] for field in FIELDS} | ({"choices": choices} if choices else {}))
    if not rows:
        raise stage.Refused(f"{path}: no questions")
    return rows


def same(given: str, question: dict) -> bool:
    """Exact match; case and outer spaces do not count."""
    return given.strip().lower() == question["answer"].strip().lower()


def right_by_task(answered: list[dict]) -> dict[str, float]:
    """The share of right answers of each task, and `mean` over the tasks."""
    right: dict[str, list[bool]] = {}
    for row in answered:
        right.setdefault(row["task"], []).append(row["right"])
    scores = {task: sum(hits) / len(hits) for task, hits in right.items()}
    return {**scores, "mean": sum(scores.values()) / len(scores)}


if __name__ == "__main__":
    stage.command(run)
