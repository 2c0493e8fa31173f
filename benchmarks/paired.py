"""Are the steps from method to method real? ROUGE-1 over seeds, and a paired test between neighbours.

    for seed in 1 2 3; do dvc exp run -S seed=$seed && cp -r reports/predictions runs/$seed; done
    python -m benchmarks.paired runs/1 runs/2 runs/3 --methods zero_shot prompt_tuning lora full

A dialogue's ROUGE-1 is the mean over its references and over the runs; the interval is a bootstrap over dialogues, the
p-value a sign-flipping test (two-sided), 10,000 draws each.
"""

import argparse
from pathlib import Path

import numpy as np

from pipeline import records
from pipeline.compare import table
from pipeline.score import _scorer, rouge

DRAWS = 10_000


def rouge1(path: Path, scorer) -> np.ndarray:
    """Each dialogue's ROUGE-1, 0-100, mean over its references."""
    rows = records.read(path)
    return 100 * np.array([np.mean(rouge(row["prediction"], row["references"], scorer)["rouge1"]) for row in rows])


def interval(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean."""
    draws = values[rng.integers(len(values), size=(DRAWS, len(values)))].mean(axis=1)
    return float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975))


def p_value(differences: np.ndarray, rng: np.random.Generator) -> float:
    """How often random signs give a mean at least as far from zero."""
    signs = rng.choice([-1.0, 1.0], size=(DRAWS, len(differences)))
    hits = np.abs((signs * differences).mean(axis=1)) >= abs(differences.mean()) - 1e-12
    return float((1 + hits.sum()) / (1 + DRAWS))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paired", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of METHOD.jsonl, one of each run")
    parser.add_argument("--methods", nargs="+", required=True)
    arguments = parser.parse_args()
    rng, scorer = np.random.default_rng(0), _scorer(use_stemmer=True)
    rows = [["method", *(run.name for run in arguments.runs), "mean", "95 %", "step", "95 %", "p"]]
    before = None
    for method in arguments.methods:
        each = np.array([rouge1(run / f"{method}.jsonl", scorer) for run in arguments.runs])
        values = each.mean(axis=0)
        line = [method, *(f"{mean:.1f}" for mean in each.mean(axis=1)), f"{values.mean():.1f}"]
        line.append("{:.1f} to {:.1f}".format(*interval(values, rng)))
        if before is None:
            line += ["", "", ""]
        else:
            step = values - before
            line.append(f"{step.mean():+.1f}")
            line += ["{:+.1f} to {:+.1f}".format(*interval(step, rng)), f"{p_value(step, rng):.4f}"]
        rows.append(line)
        before = values
    print(table(rows))


if __name__ == "__main__":
    main()
