"""The comparison as one page that needs no network: verdict, tables, charts, and every summary side by side.

    python -m pipeline.report reports/comparison.json data/records/test.jsonl reports/dialogues reports/curves \\
        reports/report.html reports/losses

The page is pipeline/page/report.html. The folder of losses gets the training and the validation losses of all methods,
a table each, for `dvc plots`.
"""

import csv
import json
from pathlib import Path

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.parameters.data import Data
from pipeline.parameters.model import Model
from pipeline.reporting import charts, comparison_tables, html_page


def run(
    comparison: Path,
    held_out: Path,
    dialogues: Path,
    curves: Path,
    page: Path,
    tables: Path,
    *,
    data: Data,
    model: Model,
):
    found = json.loads(comparison.read_text(encoding="utf-8"))
    systems = [row for row in found["systems"] if row["kind"] != "yardstick"]
    each = {row["name"]: files.read_parquet(dialogues / f"{row['name']}.parquet") for row in systems}
    page.parent.mkdir(parents=True, exist_ok=True)
    points = losses(curves, systems)
    text = render(found, files.read_jsonl(held_out), each, points, data.name, model.name)
    page.write_text(text, encoding="utf-8")
    for split, rows in points.items():
        write_tsv(tables / f"{split}.tsv", rows)
    print(f"{page}: {page.stat().st_size / 2**20:.1f} MiB, {len(systems)} systems, {found['dialogues']} dialogues")


def render(found: dict, held_out: list[dict], each: dict, curves: dict, data: str, model: str) -> str:
    """The page's HTML."""
    systems = [row for row in found["systems"] if row["kind"] != "yardstick"]
    methods = [row for row in systems if row["kind"] == "method"]
    drawn = {}
    if found["pairs"]["rouge1"]:
        drawn["differences"] = charts.differences(found["pairs"]["rouge1"])
    words = [{"system": name, "words": row["words"]} for name, rows in each.items() for row in rows]
    drawn["lengths"] = charts.lengths(words, list(each))
    if methods:
        drawn |= {"pareto": charts.pareto(methods), "forgetting": charts.forgetting(methods)}
    for name, points in curves.items():
        if points:
            drawn[f"{name}-loss"] = charts.curves(points, list(each), f"{name} loss")
    tables = {"quality": comparison_tables.quality(found), "health": comparison_tables.health(found)}
    near = comparison_tables.near_duplicates(found)
    if len(clean := comparison_tables.clean(found)) > 1:
        tables["clean"] = clean
    tables["differences"] = comparison_tables.differences(found)
    if methods:
        tables |= {"cost": comparison_tables.cost(methods), "memory": comparison_tables.memory(methods)}
        tables |= {"inference": comparison_tables.inference(methods)}
        tables |= {
            "forgetting": comparison_tables.forgetting(methods),
            "text_loss": comparison_tables.text_loss(methods),
        }
    return html_page.render(
        "report.html",
        drawn,
        found=found,
        data=data,
        model=model,
        tables=tables,
        near=near,
        asked=comparison_tables.asked(methods) if methods else "",
        batched=comparison_tables.batched(methods) if methods else "",
        warned=comparison_tables.warned(found),
        reader=reader(held_out, each),
    )


def reader(held_out: list[dict], each: dict[str, list[dict]]) -> dict:
    """What the side-by-side reader shows: each dialogue with its references and every system's summary."""
    shown = ("prediction", "rouge1", "rouge2", "rougeLsum", "unsupported", "cut")
    return {
        "systems": list(each),
        "dialogues": [
            {
                "id": record["id"],
                "dialogue": record["dialogue"],
                "references": record["references"],
                "near": record.get("near"),
                "summaries": {name: {key: rows[number][key] for key in shown} for name, rows in each.items()},
            }
            for number, record in enumerate(held_out)
        ],
    }


def losses(curves: Path, systems: list[dict]) -> dict[str, list[dict]]:
    """Training and validation losses of every trained method, as DVCLive wrote them."""
    found: dict[str, list[dict]] = {"training": [], "validation": []}
    for split, folder in (("training", "train"), ("validation", "validation")):
        for row in systems:
            path = curves / row["name"] / "plots/metrics" / folder / "loss.tsv"
            if path.exists():
                with path.open(encoding="utf-8", newline="") as lines:
                    for point in csv.DictReader(lines, delimiter="\t"):
                        step, loss = int(point["step"]), float(point["loss"])
                        found[split].append({"method": row["name"], "step": step, "loss": loss})
    return found


def write_tsv(path: Path, points: list[dict]) -> None:
    """Rows of method, step and loss as tab-separated values; DVC makes no plot of a file without rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, ["method", "step", "loss"], delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(points)


if __name__ == "__main__":
    run_stage(run)
