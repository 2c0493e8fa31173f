"""Are the steps from method to method real? ROUGE-1 over seeds, and a paired test between neighbours.

    for seed in 1 2 3; do dvc exp run -S seed=$seed && cp -r reports/dialogues runs/$seed; done
    python -m benchmarks.paired runs/1 runs/2 runs/3 --methods zero_shot prompt_tuning lora full

A dialogue's ROUGE-1 is the mean over its references and over the runs; intervals and p-values are those of
pipeline/resample.py, over dialogues.
"""

import argparse
from pathlib import Path

import numpy as np

from pipeline.core import files
from pipeline.evaluation.bootstrap import Resampling
from pipeline.evaluation.metrics import HEADLINE
from pipeline.evaluation.verdict import p_value
from pipeline.reporting.comparison_tables import table

DRAWS = 10_000


def rows(runs: list[Path], methods: list[str]) -> list[list[str]]:
    """The table: a line for each method, with its step from the one before."""
    measure = HEADLINE["rouge1"]
    lines = [["method", *(run.name for run in runs), "mean", "95 %", "step", "95 %", "p"]]
    before = None
    for method in methods:
        each = np.array([measure.table(files.read_parquet(run / f"{method}.parquet")) for run in runs])
        values, score = each.mean(axis=0), measure.of(each.shape[1])
        drawn = Resampling.draw(len(values), DRAWS, seed=0)
        line = [method, *(f"{mean:.1f}" for mean in each.mean(axis=(1, 2))), f"{values.mean():.1f}"]
        line.append("{:.1f} to {:.1f}".format(*drawn.interval(values, score)))
        if before is None:
            line += ["", "", ""]
        else:
            line.append(f"{(values - before).mean():+.1f}")
            line.append("{:+.1f} to {:+.1f}".format(*drawn.difference(values, before, score)))
            line.append(p_value(drawn.p_value(values, before, score)).removeprefix("p ").removeprefix("= "))
        lines.append(line)
        before = values
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paired", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of METHOD.parquet, one of each run")
    parser.add_argument("--methods", nargs="+", required=True)
    arguments = parser.parse_args()
    print(table(rows(arguments.runs, arguments.methods)))


if __name__ == "__main__":
    main()
