"""What each method buys and what it costs, side by side, and which differences are real.

    python -m pipeline.compare reports/scores reports/dialogues reports/yardsticks reports/retention reports/answers \\
        reports/runs reports/sweeps/seeds.json reports/comparison.json reports/comparison.md reports/comparison.tsv
"""

import itertools
import json
import math
from pathlib import Path

import numpy as np

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.evaluation import seeds
from pipeline.evaluation.bootstrap import REAL, Resampling, holm
from pipeline.evaluation.bootstrap import Score as Points
from pipeline.evaluation.metrics import HEADLINE
from pipeline.evaluation.verdict import verdict
from pipeline.reporting.comparison_tables import markdown
from pipeline.score import Score


def run(
    scores: Path,
    dialogues: Path,
    yardsticks: Path,
    retention: Path,
    answers: Path,
    runs: Path,
    several: Path,
    comparison: Path,
    page: Path,
    plot: Path,
    *,
    methods: list[str],
    score: Score,
):
    systems = [system(name, scores / f"{name}.json", "method") for name in methods]
    systems += [system(name, scores / f"{name}.json", "external") for name in score.external]
    check_signatures(systems)
    each = {row["name"]: files.read_parquet(dialogues / f"{row['name']}.parquet") for row in systems}
    for row in systems:
        if row["kind"] == "method":
            row |= size_and_cost(row["name"], runs) | kept(row["name"], answers, retention, methods, score)
    bounds = [system(path.stem, path, "yardstick") for path in sorted(yardsticks.glob("*.json"))]
    flag(systems, bounds)
    found = {
        "signature": systems[0]["signature"],
        "dialogues": systems[0]["dialogues"],
        "resamples": score.resamples,
        "margin": score.margin,
        "systems": sorted(bounds, key=lambda row: row["scores"]["rouge1"]["mean"]) + systems,
        "pairs": pairs(each, score),
    }
    over_seeds(found, seeds.load(several))
    found["verdict"] = verdict(found)
    files.write_json(comparison, found)
    page.write_text(markdown(found), encoding="utf-8")
    plot.write_text(plotted(found["systems"]), encoding="utf-8")
    print(page.read_text(encoding="utf-8"))


def system(name: str, path: Path, kind: str) -> dict:
    """A row of the comparison, from the score file of a method, an external system or a yardstick."""
    return {"name": name, "kind": kind, "flags": [], **json.loads(path.read_text(encoding="utf-8"))}


def check_signatures(systems: list[dict]) -> None:
    """Refused where two systems were not scored alike."""
    first = systems[0]
    for row in systems:
        if row["signature"] != first["signature"]:
            raise InputError(
                f"{row['name']} was scored as {row['signature']}, {first['name']} as {first['signature']}: "
                "run `dvc repro` again"
            )


def size_and_cost(method: str, runs: Path) -> dict:
    """Parameters, bytes, and what training and generation took, from a method's two run records."""
    train = json.loads((runs / "train" / f"{method}.json").read_text(encoding="utf-8"))
    generate = json.loads((runs / "generate" / f"{method}.json").read_text(encoding="utf-8"))
    seconds, spent = train.get("seconds", {}), generate["seconds"]
    return {
        "trainable_parameters": train["trainable_parameters"],
        "total_parameters": train["total_parameters"],
        "share": train["trainable_parameters"] / train["total_parameters"],
        "bytes": train["bytes"],
        "bytes_of_ten_tasks": 10 * train["bytes"] + (0 if method == "full" else train["base_bytes"]),
        "extra_prompt_tokens": generate["extra_prompt_tokens"],
        "inference": generate["speed"],
        "cost": {  # run records: another run on the same machine gives other figures
            "train_seconds": seconds.get("train", 0.0),
            "seconds_to_best": train.get("seconds_to_best"),
            "validation_seconds": seconds.get("validation", 0.0),
            "train_tokens_per_second": train["real_tokens"] / seconds["train"] if seconds else None,
            "load_peak_mib": generate["peak_mib"]["load"],
            "train_peak_mib": train.get("peak_mib", {}).get("train"),
            "generate_seconds": spent["generate"],
            "generate_tokens_per_second": generate["new_tokens"] / spent["generate"],
            "generate_peak_mib": generate["peak_mib"]["generate"],
        },
    }


def kept(method: str, answers: Path, retention: Path, methods: list[str], score: Score) -> dict:
    """Right answers in percent by task and the loss on held-out text, and the change of both against zero_shot.

    What no method was tuned on; each change has a paired bootstrap interval, over the questions of each task and over
    the texts.
    """
    found = retained(retention, method)
    result: dict = {"retention": {task: 100 * share for task, share in found["right"].items()}}
    result |= {name: found[name] for name in ("questions", "by_choice")}
    result["text_loss"] = found["text_loss"]["mean"]
    if "zero_shot" not in methods:
        return result
    before, after = (files.read_jsonl(answers / f"{name}.jsonl") for name in ("zero_shot", method))
    if [row["id"] for row in before] != [row["id"] for row in after]:
        raise InputError(f"{answers}: zero_shot and {method} answered other questions: run `dvc repro` again")
    drawn = Resampling.within([row["task"] for row in after], score.resamples, score.seed)
    result["retention_change"] = change(by_task(after), by_task(before), mean_of_tasks, drawn)
    losses = [by_text(retained(retention, name)["text_loss"]) for name in (method, "zero_shot")]
    drawn = Resampling.draw(len(losses[0]), score.resamples, score.seed)
    result["text_loss_change"] = change(*losses, per_token, drawn)
    return result


def retained(retention: Path, method: str) -> dict:
    return json.loads((retention / f"{method}.json").read_text(encoding="utf-8"))


def change(after: np.ndarray, before: np.ndarray, points: Points, drawn: Resampling) -> dict[str, float]:
    """after minus before, and its paired bootstrap interval; both are (questions or texts, columns)."""
    low, high = drawn.difference(after, before, points)
    found = points(after.sum(axis=0)[None]) - points(before.sum(axis=0)[None])
    return {"mean": float(found[0]), "low": low, "high": high}


def by_text(loss: dict) -> np.ndarray:
    """(texts, 2): the nats of each text, and its tokens."""
    return np.array([loss["nats"], loss["tokens"]], dtype=np.float64).T


def per_token(sums: np.ndarray) -> np.ndarray:
    """Nats a token: all of them by all of these."""
    return sums[:, 0] / sums[:, 1]


def by_task(answered: list[dict]) -> np.ndarray:
    """(questions, 2 x tasks): whether a question is of a task and right, then whether it is of the task."""
    tasks = list(dict.fromkeys(row["task"] for row in answered))
    of = np.array([[row["task"] == task for task in tasks] for row in answered], dtype=np.float64)
    right = np.array([[float(row["right"])] for row in answered])
    return np.hstack([of * right, of])


def mean_of_tasks(sums: np.ndarray) -> np.ndarray:
    """The mean over the tasks of their percent of right answers."""
    right, asked = np.split(sums, 2, axis=1)
    return 100 * (right / asked).mean(axis=1)


def pairs(each: dict[str, list[dict]], score: Score) -> dict[str, list[dict]]:
    """Of each headline score, the difference of every two systems, its interval, and its p-value (Holm over pairs)."""
    (first, rows), *others = each.items()
    for name, other in others:
        if [row["id"] for row in other] != [row["id"] for row in rows]:
            raise InputError(f"{name} and {first} summarized other dialogues: run `dvc repro` again")
    count = math.comb(len(each), 2)
    if count / (1 + score.resamples) >= REAL:
        raise InputError(
            f"score.resamples: {score.resamples} are too few: no p of {count} differences could fall below {REAL}; "
            f"take {math.ceil(10 * count / REAL)} or more"
        )
    drawn = Resampling.draw(len(rows), score.resamples, score.seed)
    found: dict[str, list[dict]] = {}
    for measure_name, measure in HEADLINE.items():
        tables, points = {name: measure.table(one) for name, one in each.items()}, measure.of(len(rows))
        found[measure_name] = []
        for second, first in itertools.combinations(each, 2):  # a later method, minus an earlier one
            one, other = tables[first], tables[second]
            low, high = drawn.difference(one, other, points)
            change = points(one.sum(axis=0)[None]) - points(other.sum(axis=0)[None])
            found[measure_name].append(
                {
                    "first": first,
                    "second": second,
                    "difference": float(change[0]),
                    "low": low,
                    "high": high,
                    "p": drawn.p_value(one, other, points),
                }
            )
        corrected = holm([pair["p"] for pair in found[measure_name]])
        for pair, p in zip(found[measure_name], corrected):
            pair |= {"p_holm": p, "real": p < REAL}
    return found


def over_seeds(found: dict, measured: dict) -> None:
    """Add to systems and pairs what several seeds gave, where the sweep holds the runs that are compared."""
    known = [row["name"] for row in found["systems"] if seeds.applies(measured, row["name"], row["scores"])]
    measured = {name: measured[name] for name in known}
    for row in found["systems"]:
        each = {name: seeds.spread(measured, name).get(row["name"]) for name in HEADLINE}
        if each["rouge1"]:
            row["seeds"] = each
    for name, compared in found["pairs"].items():
        for pair in compared:
            if {pair["first"], pair["second"]} <= measured.keys():
                pair["seeds"] = seeds.difference(measured, pair["first"], pair["second"], name)


def plotted(systems: list[dict]) -> str:
    """ROUGE-1 of every system as tab-separated values, for `dvc plots`."""
    rows = [f"{row['scores']['rouge1']['mean']:.2f}\t{row['name']}" for row in systems]
    return "\n".join(["rouge1\tsystem", *rows]) + "\n"


def flag(systems: list[dict], bounds: list[dict]) -> None:
    """Mark systems that score above people or below what needs no model, by ROUGE-1."""
    points = {row["name"]: row["scores"]["rouge1"]["mean"] for row in bounds}
    for row in systems:
        own = row["scores"]["rouge1"]["mean"]
        if "human" in points and own > points["human"]:
            row["flags"].append("above human")
        row["flags"] += [f"below {name}" for name in ("lead", "longest_turn") if own < points.get(name, 0)]


if __name__ == "__main__":
    run_stage(run)
