"""The comparison as one HTML page that needs no network: verdict, tables, charts, and every output side by side.

    python -m pipeline.report

The training and the validation losses of all methods are written too, a table for each, for `dvc plots`.
"""

from pathlib import Path
from typing import Any

from pipeline.core import files, shapes
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.runs import run_names
from pipeline.evaluation import loss_curves
from pipeline.evaluation.comparison_shape import Comparison
from pipeline.evaluation.example_table import read_examples
from pipeline.evaluation.loss_curves import LossPoint
from pipeline.evaluation.scoring import first_seed
from pipeline.evaluation.shapes import example_scores
from pipeline.evaluation.tasks import kind_of
from pipeline.parameters.data import Data
from pipeline.parameters.model import Model
from pipeline.parameters.runs import SeedsOf
from pipeline.parameters.task import Task
from pipeline.reporting import charts, cost_charts, html
from pipeline.reporting.comparison_page import Details, comparison_page


def run(paths: Paths, *, seeds_of: SeedsOf, task: Task, data: Data, model: Model) -> None:
    comparison = files.read_json(paths.comparison, Comparison)
    systems = [row for row in comparison["systems"] if row["kind"] != "baseline"]
    names = [row["name"] for row in systems]
    losses = read_losses(systems, seeds_of, paths)
    shape = example_scores(kind_of([comparison["primary_metric"]]))
    examples = {name: first_seed(read_examples(paths.example_scores(name), shape)) for name in names}
    records = files.read_jsonl(paths.records("test"), shapes.record(*task.fields))
    check_examples(records, examples, paths)
    words = {name: [row["words"] for row in rows] for name, rows in examples.items()}
    details = Details(
        data=data.name,
        model=model.name,
        source=task.source,
        fields=task.fields,
        records=records,
        examples=examples,
        charts=charts.comparison_charts(comparison, words, losses) | cost_charts.cost_charts(comparison),
    )
    paths.report.parent.mkdir(parents=True, exist_ok=True)
    paths.report.write_text(html.render(comparison_page(comparison, details)), encoding="utf-8")
    for split, points in losses.items():
        paths.losses(split).parent.mkdir(parents=True, exist_ok=True)
        paths.losses(split).write_text(loss_curves.format_losses(points), encoding="utf-8")
    mebibytes = paths.report.stat().st_size / 2**20
    print(f"{paths.report}: {mebibytes:.1f} MiB, {len(names)} systems, {comparison['examples']} examples")


def check_examples(records: list[dict[str, Any]], examples: dict[str, list[dict[str, Any]]], paths: Paths) -> None:
    """Raises InputError where a system's rows are not of the records."""
    for name, rows in examples.items():
        if [row["id"] for row in rows] != [record["id"] for record in records]:
            raise InputError(f"{paths.example_scores(name)}: other examples than those of test: run `dvc repro` again")


def read_losses(systems: list[dict[str, Any]], seeds_of: SeedsOf, paths: Paths) -> dict[str, list[LossPoint]]:
    """`training` and `validation` -> the points of all methods that have a curve, of their first seed.

    A method that trains has one of validation, and of training unless it was shorter than train.logging_steps.
    """
    curves: dict[str, list[LossPoint]] = {split: [] for split in loss_curves.FILES}
    for split, file in loss_curves.FILES.items():
        for system in systems:
            path = paths.curves(run_names(system["name"], seeds_of.get(system["name"], []))[0]) / file
            if path.exists() or (split == "validation" and system.get("trainable_parameters")):
                curves[split] += read_curve(system["name"], path)
    return curves


def read_curve(name: str, path: Path) -> list[LossPoint]:
    """One method's curve. Raises InputError for a file that is not whole."""
    text = files.read_text(path)
    with files.explain_damage(path):
        points = loss_curves.parse_losses(name, text)
        if not points or not text.endswith("\n"):
            raise ValueError(f"{len(points)} points, the last line {'whole' if text.endswith(chr(10)) else 'cut'}")
        return points


if __name__ == "__main__":
    run_stage(run)
