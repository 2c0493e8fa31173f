"""Systems whose scores are known: what the stages before `compare` leave of them, written into a folder."""

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

from pipeline import score
from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.core.runs import parse_run
from pipeline.evaluation import scoring
from pipeline.evaluation.questions import accuracy_by_task
from pipeline.parameters.benchmark import Benchmark
from pipeline.parameters.metrics import Metrics
from pipeline.parameters.score import Score, Warn
from pipeline.parameters.task import Task
from tests import tiny

WARN = {
    "truncated": 5.0,
    "empty": 1.0,
    "repeats": 20.0,
    "unsupported": 50.0,
    "unlisted": 5.0,
    "length_ratio": [0.5, 2.0],
}
SUMMARIES = Task(name="summarization", kind="summarization", fields=["dialogue"], source="dialogue", by_choice=False)
SETTINGS = {
    "language": "en",
    "use_stemmer": True,
    "resamples": 500,
    "seed": 0,
    "non_inferiority_margin": 3.0,
    "warn": WARN,
    "external": {},
    "evaluate": [],
}
COUNT = 30
RECORDS = [
    {
        "id": f"d{number}",
        "dialogue": f"#Person1#: My order {number} is late.\n#Person2#: It will come on Monday, I promise you that.",
        "references": [
            f"The order {number} is late but should come on Monday.",
            f"A late order, number {number}, is promised for Monday.",
        ],
    }
    for number in range(COUNT)
]
GOOD = [f"The order {number} is late and will come on Monday." for number in range(COUNT)]
FAIR = [text if number % 3 else "It is about an order." for number, text in enumerate(GOOD)]
POOR = ["Somebody talks to somebody."] * COUNT
IDLE = {"core_share": 0.97, "pressure": 2.0}
BUSY = {"core_share": 0.4, "pressure": 60.0}
UNTRAINED = {
    "trainable_parameters": 0,
    "total_parameters": 100_000,
    "bytes": 0,
    "base_bytes": 2**20,
    "needs_base": True,
}
TRAINED = UNTRAINED | {
    "trainable_parameters": 2_500,
    "bytes": 3 * 2**20,
    "tokens_per_second": [2900.0, 3000.0, 3100.0],
    "seconds": {"load": 1.0, "train": 20.0, "validation": 2.0},
    "cpu_seconds": {"load": 1.0, "train": 38.0, "validation": 4.0},
    "contention": {"train": IDLE},
    "imports_mib": 300.0,
    "model_mib": 1000.0,
    "seconds_to_best": 15.0,
    "peak_mib": {"train": 2048.0},
}
WHOLE_MODEL = TRAINED | {"trainable_parameters": 100_000, "needs_base": False}


NO_BENCHMARK = tiny.section("benchmark", Benchmark)
FREE_METRICS = tiny.section("metrics", Metrics)


def settings(**changes) -> Score:
    values = SETTINGS | changes
    return Score(**values | {"warn": Warn(**values["warn"])})


def write_scores(paths: Paths, name: str, texts: list[str], records: list[dict] = RECORDS) -> None:
    """A system's predictions, scored."""
    files.write_jsonl(paths.records("test"), records)
    rows = [{"id": f"d{number}", "prediction": text, "ended": True} for number, text in enumerate(texts)]
    files.write_jsonl(paths.predictions(name), rows)
    score.run(name, paths, seeds_of={name: []}, task=SUMMARIES, score=settings())


def write_seeds(paths: Paths, name: str, texts_of_seeds: dict[int, list[str]], records: list[dict] = RECORDS) -> None:
    """The predictions of a system with several seeds, scored."""
    files.write_jsonl(paths.records("test"), records)
    predictions: dict[int | None, Path] = {}
    for seed, texts in texts_of_seeds.items():
        predictions[seed] = paths.predictions(f"{name}-{seed}")
        rows = [{"id": f"d{number}", "prediction": text, "ended": True} for number, text in enumerate(texts)]
        files.write_jsonl(predictions[seed], rows)
    scored = scoring.score_runs(predictions, paths.records("test"), SUMMARIES, settings(), name)
    scoring.write_scores(scored, paths.scores(name), paths.example_scores(name), paths.metrics(name))


def write_method(
    paths: Paths,
    name: str,
    texts: list[str],
    training: dict = UNTRAINED,
    correct: list[bool] | None = None,
    losses: tuple[float, ...] = (3.0, 2.0, 1.0),
    records: list[dict] = RECORDS,
    known: list[bool] | None = None,
) -> None:
    """A method's scores, run records, answers and loss on held-out text.

    correct: of each written answer; known: of each choice, None for questions without choices.
    """
    write_scores(paths, name, texts, records)
    files.write_json(paths.training_run(name), {"method": name} | training)
    held = {"imports_mib": 300.0, "model_mib": 500.0}
    generation = {
        "seconds": {"load": 9.0, "generate": 4.0},
        "cpu_seconds": {"load": 9.0, "generate": 7.5},
        "contention": {"load": BUSY, "generate": IDLE},
        "peak_mib": {"load": 700.0, "generate": 1500.0},
        "new_tokens": 1000,
        "request_tokens": 200.0,
        "extra_prompt_tokens": 0.0,
    }
    files.write_json(paths.generation_run(name), generation | held)
    files.write_json(paths.forgetting_run(name), {"peak_mib": {"answer": 800.0, "read": 600.0}} | held)
    write_inference(paths)
    files.write_json(paths.mixture_card, {"own": 750, "tasks": {}})
    write_forgetting(paths, name, correct or [True] * 20, losses, known)


def write_inference(paths: Paths, factors: dict[str, float] | None = None, rounds: int = 7, **changes: object) -> None:
    """What `measure` leaves of the methods that have run so far. factors: how many times 0.2 s each takes."""
    runs = paths.training_run("x").parent.glob("*.json")
    names = sorted({parse_run(path.stem)[0] for path in runs})
    factors = dict.fromkeys(names, 1.0) | ({"lora, unmerged": 1.3} if "lora" in names else {}) | (factors or {})
    control = [name for name in factors if "," not in name]
    if len(control) < 2:
        control = [names[0], f"{names[0]}, again"]
        factors |= {control[1]: factors[names[0]]}

    files.write_json(paths.inference_run, inference_run(factors, control, rounds) | changes)


def inference_run(
    factors: dict[str, float], control: list[str], rounds: int = 7, sizes: tuple[int, ...] = (1, 8)
) -> dict[str, Any]:
    """What the stage `measure` leaves: exact multiples of 0.2 s, a quarter of it to the first token."""

    def timings(factor: float, size: int) -> dict[str, list[float]]:
        seconds = [0.2 * factor * size] * rounds
        first = [value / 4 for value in seconds]
        return {"first_seconds": first, "seconds": seconds, "first_cpu_seconds": first, "cpu_seconds": seconds}

    variants = [
        {
            "name": name,
            "method": name.partition(",")[0],
            "form": "as it is",
            "batches": {str(size): timings(factor, size) for size in sizes},
        }
        for name, factor in factors.items()
    ]
    record = {"rounds": rounds, "prompts": 2, "batch_size": 8, "new_tokens": 16, "together": True}
    return record | {"control": control, "contention": IDLE, "variants": variants}


def write_forgetting(
    paths: Paths, run: str, correct: list[bool], losses: tuple[float, ...], known: list[bool] | None = None
) -> None:
    """Answers to questions of two tasks in turn; all answers to `number` differ, of `mood` three in four are the same.

    The choices of `mood` differ in length, and per character the first one is always chosen.
    """
    answers: list[dict] = []
    for k, hit in enumerate(correct):
        task, answer = ("number", str(k)) if k % 2 == 0 else ("mood", "unhappy" if k % 8 == 1 else "happy")
        row = {"id": str(k), "task": task, "answer": answer, "correct": {"written": hit}, "given": {"written": "?"}}
        if known is not None:
            choices = [answer, "98", "99", "97"] if task == "number" else ["happy", "unhappy"]
            row |= {"choices": choices, "given": {"written": "?", "by_choice": "?", "by_choice_norm": "?"}}
            row["correct"] |= {"by_choice": known[k], "by_choice_norm": answer != "unhappy"}
        answers.append(row)
    files.write_jsonl(paths.answers(run), answers)
    tokens = [10, 10, 20]
    nats = [loss * count for loss, count in zip(losses, tokens)]
    forgetting = {
        "questions": len(answers),
        "with_choices": 0 if known is None else len(answers),
        "accuracy": accuracy_by_task(answers),
        "text_loss": {"mean": sum(nats) / sum(tokens), "nats": nats, "tokens": tokens},
    }
    files.write_json(paths.forgetting(run), forgetting)


def embedded_examples(page: str) -> dict[str, Any]:
    """The systems and examples that a report holds for its side-by-side reader."""
    packed = re.search(r'id="examples">(.*?)</script>', page)
    assert packed
    return json.loads(zlib.decompress(base64.b64decode(packed[1])))


def markdown_tables(page: str) -> list[list[list[str]]]:
    """The tables of a Markdown page: a list of rows each, a row a list of cells; the second row is the rule."""
    tables = [block.strip().splitlines() for block in page.split("\n\n") if block.startswith("|")]
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in table] for table in tables]
