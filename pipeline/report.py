"""The comparison as one HTML page that needs no network: verdict, tables, charts, and every summary side by side.

    python -m pipeline.report

The training and the validation losses of all methods are written too, a table for each, for `dvc plots`.
"""

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.evaluation import loss_curves
from pipeline.evaluation.loss_curves import LossPoint
from pipeline.parameters.data import Data
from pipeline.parameters.model import Model
from pipeline.reporting import charts, html
from pipeline.reporting.comparison_page import Details, comparison_page


def run(paths: Paths, *, data: Data, model: Model) -> None:
    comparison = files.read_json(paths.comparison)
    names = [row["name"] for row in comparison["systems"] if row["kind"] != "baseline"]
    losses = read_losses(names, paths)
    dialogues = {name: files.read_parquet(paths.dialogue_scores(name)) for name in names}
    words = {name: [row["words"] for row in rows] for name, rows in dialogues.items()}
    details = Details(
        data=data.name,
        model=model.name,
        records=files.read_jsonl(paths.records("test")),
        dialogues=dialogues,
        charts=charts.comparison_charts(comparison, words, losses),
    )
    paths.report.parent.mkdir(parents=True, exist_ok=True)
    paths.report.write_text(html.render(comparison_page(comparison, details)), encoding="utf-8")
    for split, points in losses.items():
        paths.losses(split).parent.mkdir(parents=True, exist_ok=True)
        paths.losses(split).write_text(loss_curves.format_losses(points), encoding="utf-8")
    mebibytes = paths.report.stat().st_size / 2**20
    print(f"{paths.report}: {mebibytes:.1f} MiB, {len(names)} systems, {comparison['dialogues']} dialogues")


def read_losses(names: list[str], paths: Paths) -> dict[str, list[LossPoint]]:
    """`training` and `validation` -> the points of all methods that have a curve."""
    curves: dict[str, list[LossPoint]] = {}
    for split, file in loss_curves.FILES.items():
        known = [(name, paths.curves(name) / file) for name in names]
        curves[split] = [
            point
            for name, path in known
            if path.exists()
            for point in loss_curves.parse_losses(name, path.read_text(encoding="utf-8"))
        ]
    return curves


if __name__ == "__main__":
    run_stage(run)
