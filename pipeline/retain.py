"""What a method left of the base model's other abilities: questions it was not tuned on, by exact match.

    python -m pipeline.retain METHOD QUESTIONS BASE TUNED ANSWERS RECORD     (as in dvc.yaml)

QUESTIONS is JSON Lines of id, task, prompt and answer. zero_shot answers as the base does, so what a method forgot is
its difference to zero_shot; few_shot changes no weight and is asked without its examples.
"""

from pathlib import Path

from pipeline import families, meter, records, stage, tables, template
from pipeline.generate import Search, batches, generation_config, place
from pipeline.sources import Count, Model
from pipeline.tokenize import token_ids

FIELDS = ("id", "task", "prompt", "answer")


@stage.params
class Retain:
    """How many questions of each task are asked (null: all of them), and how long an answer may be."""

    questions: str
    per_task: Count | None
    batch_size: Count
    max_new_tokens: Count


def run(
    method: str, questions: Path, base: Path, tuned: Path, answers: Path, record: Path, *, model: Model, retain: Retain
):
    rows = read_questions(questions, retain.per_task)
    clock = meter.Meter()
    with clock.phase("load"):
        tokenizer = families.load_tokenizer(base)
        network = place(families.load_tuned(base, tuned, model.arch, merge=True))
    chat = tokenizer if model.chat else None
    prompts = [template.assemble([], row["prompt"], chat) for row in rows]
    inputs = [token_ids(prompt, tokenizer, model)["input_ids"] for prompt in prompts]
    greedy = Search(max_new_tokens=retain.max_new_tokens, num_beams=1, no_repeat_ngram_size=0, length_penalty=1.0)
    config = generation_config(tokenizer, network, greedy)
    given: dict[int, str] = {}
    with clock.phase("generate"):
        found = batches(network, tokenizer, inputs, config, retain.batch_size, model.arch, "fp32")
        for number, (ids, _, _) in stage.progress(found, len(inputs), f"retain {method}"):
            given[number] = tokenizer.decode(ids, skip_special_tokens=True).strip()
    answered = [{**row, "given": given[number], "right": same(given[number], row)} for number, row in enumerate(rows)]
    for row in answered:
        del row["prompt"]
    records.write(answers, answered)
    scores = exact_match(answered)
    records.write_json(record, {"method": method, "questions": len(rows), "exact_match": scores})
    print(f"{method}: {len(rows)} questions in {clock.seconds['generate']:.1f} s, answered rightly: {scores}")


def read_questions(path: Path, per_task: int | None) -> list[dict[str, str]]:
    """The first `per_task` questions of each task. Refused names the first line that is no question."""
    rows, asked = [], {}
    for where, row in tables.located(path):
        for field in FIELDS:
            if not isinstance(row.get(field), str) or not row[field].strip():
                raise stage.Refused(f"{where}: {field!r}: expected a text, found {row.get(field)!r}")
        asked[row["task"]] = asked.get(row["task"], 0) + 1
        if per_task is None or asked[row["task"]] <= per_task:
            rows.append({field: row[field] for field in FIELDS})
    if not rows:
        raise stage.Refused(f"{path}: no questions")
    return rows


def same(given: str, question: dict[str, str]) -> bool:
    """Exact match; case and outer spaces do not count."""
    return given.strip().lower() == question["answer"].strip().lower()


def exact_match(answered: list[dict]) -> dict[str, float]:
    """The share of right answers of each task, and `mean` over the tasks."""
    right: dict[str, list[bool]] = {}
    for row in answered:
        right.setdefault(row["task"], []).append(row["right"])
    scores = {task: sum(hits) / len(hits) for task, hits in right.items()}
    return {**scores, "mean": sum(scores.values()) / len(scores)}


if __name__ == "__main__":
    stage.command(run)
