"""Are the steps from method to method significant? ROUGE-1 over seeds, and a paired test between neighbours.

    for seed in 1 2 3; do dvc exp run -S seed=$seed && cp -r reports/dialogues runs/$seed; done
    python -m benchmarks.paired runs/1 runs/2 runs/3 --methods zero_shot prompt_tuning lora full

A dialogue's ROUGE-1 is the mean over its references and over the runs. Intervals and p-values are those of
pipeline/evaluation/differences.py, over dialogues.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.core import files
from pipeline.evaluation.bootstrap import Estimate, PairedResampling
from pipeline.evaluation.differences import Difference, paired_difference
from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC
from pipeline.reporting import markdown
from pipeline.reporting.cells import EMPTY, Cell, Interval, Number, PValue, Text
from pipeline.reporting.page import Column, Table, build_table

RESAMPLES = 10_000


@dataclass(frozen=True)
class Step:
    """A method's mean in each run and over all, and its difference from the method before it."""

    method: str
    runs: list[float]
    estimate: Estimate
    difference: Difference | None


def steps(runs: list[Path], methods: list[str]) -> list[Step]:
    """A step for each method; runs are folders of METHOD.parquet."""
    metric = METRICS[PRIMARY_METRIC]
    results: list[Step] = []
    before: np.ndarray | None = None
    for method in methods:
        by_run = np.array([metric.matrix(files.read_parquet(run / f"{method}.parquet")) for run in runs])
        columns, statistic = by_run.mean(axis=0), metric.statistic(by_run.shape[1])
        resampling = PairedResampling.draw(len(columns), RESAMPLES, seed=0)
        difference = None if before is None else paired_difference(columns, before, statistic, resampling)
        means = [float(mean) for mean in by_run.mean(axis=(1, 2))]
        results.append(Step(method, means, resampling.estimate(columns, statistic), difference))
        before = columns
    return results


def table(runs: list[Path], results: list[Step]) -> Table:
    """A row for each method."""

    def run_column(number: int, name: str):
        return Column(name), lambda step: Number(step.runs[number])

    def of_difference(cell):
        return lambda step: cell(step.difference) if step.difference else EMPTY

    def interval(step: Step) -> Cell:
        return Text(f"{step.estimate.low:.1f} to {step.estimate.high:.1f}")

    columns = [
        (Column("method", align="left"), lambda step: Text(step.method)),
        *(run_column(number, run.name) for number, run in enumerate(runs)),
        (Column("mean"), lambda step: Number(step.estimate.mean)),
        (Column("95 %"), interval),
        (Column("step"), of_difference(lambda one: Number(one.difference, sign=True))),
        (Column("95 %"), of_difference(lambda one: Interval(one.low, one.high))),
        (Column("p"), of_difference(lambda one: PValue(one.p))),
    ]
    return build_table("Steps", columns, results)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paired", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of METHOD.parquet, one of each run")
    parser.add_argument("--methods", nargs="+", required=True)
    arguments = parser.parse_args()
    print(markdown.table(table(arguments.runs, steps(arguments.runs, arguments.methods))))


if __name__ == "__main__":
    main()
