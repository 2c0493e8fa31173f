"""What each method buys and what it costs, side by side.

python -m pipeline.compare reports/scores reports/retention reports/runs reports/comparison.json reports/comparison.md
"""

import json
from pathlib import Path

from pipeline import records, stage

SHOWN = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "rougeLsum": "ROUGE-Lsum"}


def run(scores: Path, retention: Path, runs: Path, comparison: Path, page: Path, *, methods: list[str]):
    rows = [row(method, scores, retention, runs) for method in methods]
    add_differences(rows)
    signatures = {method: json.loads((scores / f"{method}.json").read_text())["rouge_signature"] for method in methods}
    signature = signatures[methods[0]]
    for method, other in signatures.items():
        if other != signature:
            raise stage.Refused(f"{method} was scored as {other}, {methods[0]} as {signature}: run `dvc repro` again")
    records.write_json(comparison, {"rouge_signature": signature, "methods": rows})
    page.write_text(markdown(rows, signature), encoding="utf-8")
    print(page.read_text(encoding="utf-8"))


def row(method: str, scores: Path, retention: Path, runs: Path) -> dict:
    """One method's scores, answers, size and cost, from its score file, its retention file and its two run records."""
    score = json.loads((scores / f"{method}.json").read_text())
    kept = json.loads((retention / f"{method}.json").read_text())
    train = json.loads((runs / "train" / f"{method}.json").read_text())
    generate = json.loads((runs / "generate" / f"{method}.json").read_text())
    seconds, spent = train.get("seconds", {}), generate["seconds"]
    return {
        "method": method,
        **{f"{name}": score[name]["mean"] for name in SHOWN},
        **{f"{name}_max": score[name]["max"] for name in SHOWN},
        "bleu": score["bleu"]["score"],
        "evaluate": score["evaluate"],
        "retention": kept["exact_match"],
        "questions": kept["questions"],
        "trainable_parameters": train["trainable_parameters"],
        "total_parameters": train["total_parameters"],
        "share": train["trainable_parameters"] / train["total_parameters"],
        "bytes": train["bytes"],
        "cost": {  # run records: another run on the same machine gives other figures
            "train_seconds": seconds.get("train", 0.0),
            "validation_seconds": seconds.get("validation", 0.0),
            "train_tokens_per_second": train["real_tokens"] / seconds["train"] if seconds else None,
            "train_peak_mib": train.get("peak_mib", {}).get("train"),
            "generate_seconds": spent["generate"],
            "generate_tokens_per_second": generate["new_tokens"] / spent["generate"],
            "generate_peak_mib": generate["peak_mib"]["generate"],
        },
    }


def add_differences(rows: list[dict]) -> None:
    """To each row, its scores minus those of zero_shot and of full, where these are compared."""
    by_method = {row["method"]: row for row in rows}
    for row in rows:
        for other in ("zero_shot", "full"):
            if other in by_method:
                row[f"minus_{other}"] = {name: row[name] - by_method[other][name] for name in SHOWN}


def markdown(rows: list[dict], signature: str) -> str:
    """The comparison as two Markdown tables: quality, then cost."""
    others = [other for other in ("zero_shot", "full") if f"minus_{other}" in rows[0]]
    further = [(name, key) for name, scores in rows[0]["evaluate"].items() for key in scores]
    named = [key if key == name else f"{name} {key}" for name, key in further]
    quality = [["method", *SHOWN.values(), "BLEU", *named, *(f"ROUGE-1 minus {other}" for other in others)]]
    phase = ["memory", "tokens/s"]
    cost = [["method", "trainable", "of", "share", "on disk", "training", *phase, "generation", *phase]]
    for row in rows:
        differences = [f"{100 * row[f'minus_{other}']['rouge1']:+.2f}" for other in others]
        scores = [f"{100 * row[name]:.2f}" for name in SHOWN]
        scores += [f"{row['bleu']:.2f}"]
        scores += [f"{row['evaluate'][name][key]:.4g}" for name, key in further]
        quality.append([row["method"], *scores, *differences])
        spent = row["cost"]
        trained = row["trainable_parameters"] > 0
        cost.append(
            [
                row["method"],
                f"{row['trainable_parameters']:,}",
                f"{row['total_parameters']:,}",
                f"{100 * row['share']:.2f} %",
                size(row["bytes"]),
                f"{spent['train_seconds']:.1f} s" if trained else "-",
                f"{spent['train_peak_mib']:,.0f} MiB" if trained else "-",
                f"{spent['train_tokens_per_second']:,.0f}" if trained else "-",
                f"{spent['generate_seconds']:.1f} s",
                f"{spent['generate_peak_mib']:,.0f} MiB",
                f"{spent['generate_tokens_per_second']:,.0f}",
            ]
        )
    return (
        "# Comparison\n\n## Quality\n\n"
        f"{table(quality)}\nROUGE is F1 x 100, mean over each dialogue's references. Signature: `{signature}`\n\n"
        f"## Cost\n\n{table(cost)}\n"
        "Training counts optimizer steps alone (loading, validation and checkpoints have clocks of their own), "
        "tokens are real ones, without pads, and memory is the phase's peak above the process's start.\n\n"
        f"## Forgetting\n\n{table(forgetting(rows))}\n"
        f"Right answers in percent to {rows[0]['questions']} questions that no method was tuned on.\n"
    )


def forgetting(rows: list[dict]) -> list[list[str]]:
    """A table of right answers by task, and what a method lost against the base (zero_shot)."""
    base = next((row["retention"] for row in rows if row["method"] == "zero_shot"), None)
    header = ["method", *rows[0]["retention"]]
    lines = [[row["method"], *(f"{100 * share:.0f}" for share in row["retention"].values())] for row in rows]
    if base:
        header.append("mean minus zero_shot")
        for line, row in zip(lines, rows):
            line.append(f"{100 * (row['retention']['mean'] - base['mean']):+.1f}")
    return [header, *lines]


def table(rows: list[list[str]]) -> str:
    """A Markdown table, first row the header, all but the first column to the right, padded to read well as text."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    lines = ["| " + " | ".join(_cells(cells, widths)) + " |" for cells in rows]
    rule = "|" + "|".join("-" * (width + 1) + ("-" if not number else ":") for number, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def _cells(cells: list[str], widths: list[int]) -> list[str]:
    return [cell.ljust(width) if not at else cell.rjust(width) for at, (cell, width) in enumerate(zip(cells, widths))]


def size(count: int) -> str:
    """Bytes in the unit that reads best."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"


if __name__ == "__main__":
    stage.command(run)
