"""Quality and cost of every method, side by side, and which differences are significant.

python -m pipeline.compare
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation import seeds
from pipeline.evaluation.forgetting_metrics import BASE, forgetting_metrics
from pipeline.evaluation.inference_costs import inference_costs
from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC
from pipeline.evaluation.pairs import compare_pairs
from pipeline.evaluation.run_costs import run_costs
from pipeline.evaluation.shapes import DialogueScores, InferenceRun, SystemScores
from pipeline.evaluation.verdict import verdict
from pipeline.parameters.score import Score
from pipeline.reporting import markdown
from pipeline.reporting.comparison_page import comparison_page

System = dict[str, Any]


def run(paths: Paths, *, methods: list[str], score: Score) -> None:
    systems = [read_system(name, paths.scores(name), "method") for name in methods]
    systems += [read_system(name, paths.scores(name), "external") for name in score.external]
    check_signatures(systems)
    for row in systems:
        if row["kind"] == "method":
            row |= run_costs(row["name"], paths) | forgetting_metrics(row["name"], paths, score, BASE in methods)
    baselines = [read_system(path.stem, path, "baseline") for path in baseline_files(paths)]
    flag_systems(systems, baselines)
    dialogues = {
        row["name"]: files.read_parquet(paths.dialogue_scores(row["name"]), shape=DialogueScores) for row in systems
    }
    comparison: dict[str, Any] = {
        "signature": systems[0]["signature"],
        "dialogues": systems[0]["dialogues"],
        "resamples": score.resamples,
        "non_inferiority_margin": score.non_inferiority_margin,
        "systems": sorted(baselines, key=points) + systems,
        "pairs": {name: [pair.to_json() for pair in pairs] for name, pairs in compare_pairs(dialogues, score).items()},
    }
    if methods:
        comparison["inference"] = read_inference(methods, paths)
    add_seeds(comparison, seeds.load_seeds(paths.seeds))
    comparison["verdict"] = verdict(comparison)
    files.write_json(paths.comparison, comparison)
    page = comparison_page(comparison)
    paths.comparison_markdown.write_text(markdown.render(page), encoding="utf-8")
    paths.comparison_plot.write_text(plot_rows(comparison["systems"]), encoding="utf-8")
    print(markdown.render(page, legends=False))


def baseline_files(paths: Paths) -> list[Path]:
    """The scores of the baselines; of people only where there are several references."""
    found = sorted(paths.baselines.glob("*.json"))
    for name in ("lead", "longest_turn"):
        if (path := paths.baselines / f"{name}.json") not in found:
            raise files.missing(path)
    return found


def read_system(name: str, path: Path, kind: str) -> System:
    """A row of the comparison, from the scores of a method, an external system or a baseline."""
    return {"name": name, "kind": kind, "flags": [], **files.read_json(path, SystemScores)}


def read_inference(methods: list[str], paths: Paths) -> dict[str, Any]:
    """What inference costs. Raises InputError where a method was not measured."""
    costs = inference_costs(files.read_json(paths.inference_run, InferenceRun))
    for name in methods:
        if name not in costs["variants"]:
            raise files.damaged(paths.inference_run, f"nothing of {name}")
    return costs


def check_signatures(systems: list[System]) -> None:
    """Raises InputError where two systems were not scored alike."""
    first = systems[0]
    for row in systems:
        if row["signature"] != first["signature"]:
            raise InputError(
                f"{row['name']} was scored as {row['signature']}, {first['name']} as {first['signature']}: "
                "run `dvc repro` again"
            )


def flag_systems(systems: list[System], baselines: list[System]) -> None:
    """Flag systems that score above people, or below a baseline that needs no model."""
    bounds = {row["name"]: points(row) for row in baselines}
    for row in systems:
        if "human" in bounds and points(row) > bounds["human"]:
            row["flags"].append("above human")
        row["flags"] += [f"below {name}" for name in ("lead", "longest_turn") if points(row) < bounds.get(name, 0)]


def add_seeds(comparison: dict[str, Any], scores_by_seed: seeds.ScoresBySeed) -> None:
    """Add to systems and pairs what several seeds gave, where the sweep holds the runs that are compared."""
    rows = comparison["systems"]
    same_run = [row["name"] for row in rows if seeds.includes_run(scores_by_seed, row["name"], row["scores"])]
    scores_by_seed = {name: scores_by_seed[name] for name in same_run}
    statistics = {metric: seeds.seed_statistics(scores_by_seed, metric) for metric in METRICS}
    for row in rows:
        if row["name"] in statistics[PRIMARY_METRIC]:
            row["seeds"] = {metric: asdict(by_method[row["name"]]) for metric, by_method in statistics.items()}
    for metric, pairs in comparison["pairs"].items():
        for pair in pairs:
            if {pair["first"], pair["second"]} <= scores_by_seed.keys():
                over_seeds = seeds.seed_difference(scores_by_seed, pair["first"], pair["second"], metric)
                pair["seeds"] = over_seeds and asdict(over_seeds)


def plot_rows(systems: list[System]) -> str:
    """The primary metric of every system as tab-separated values, for `dvc plots`."""
    rows = [f"{points(row):.2f}\t{row['name']}" for row in systems]
    return "\n".join([f"{PRIMARY_METRIC}\tsystem", *rows]) + "\n"


def points(row: System) -> float:
    """A system's score in the primary metric."""
    return row["scores"][PRIMARY_METRIC]["mean"]


if __name__ == "__main__":
    run_stage(run)
