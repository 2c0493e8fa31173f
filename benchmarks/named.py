"""Which summaries of the bundled calls name the right problem and the right outcome? Word for word, so a lower bound.

    python -m benchmarks.named reports/predictions/full.jsonl reports/predictions/lora.jsonl [--show 10]

The calls are written again from the seed of params.yaml, for only their generator knows what may be said of them. A
summary names the problem where it holds one of the clauses that a reference could have held, and so for the outcome;
a person accepts more than these, but hardly ever less.
"""

import argparse
import random
from pathlib import Path

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import read_section
from pipeline.reporting.comparison_tables import table
from support_calls.dialogues import Call
from support_calls.world import Writer
from support_calls.write import Support, unseen


def calls(support: Support, split: str) -> list[Call]:
    """The calls of validation or test, in the order of their ids."""
    seen: set[str] = set()
    for written in ("test", "validation"):  # as support.write goes
        drawn = list(unseen(support.seed, written, getattr(support, written), seen))
        if written == split:
            return drawn
    raise InputError(f"{split!r}: expected test or validation")


def names(summary: str, clauses: list[str], call: Call) -> bool:
    """Whether the summary holds one of the clauses, filled in."""
    writer = Writer(random.Random(0), "test")
    return any(writer.write(clause, call.values).lower() in summary.lower() for clause in clauses)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.named", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predictions", type=Path, nargs="+")
    parser.add_argument("--split", default="test", choices=["validation", "test"])
    parser.add_argument("--show", type=int, default=0, help="print this many that fail, beside a reference")
    arguments = parser.parse_args()
    known = calls(read_section("support", Support), arguments.split)
    lines = [["predictions", "summaries", "problem", "outcome", "both"]]
    for path in arguments.predictions:
        rows = files.read_jsonl(path)
        of = [known[int(row["id"].rpartition("-")[2])] for row in rows]
        problem = [names(row["prediction"], call.problems, call) for row, call in zip(rows, of)]
        outcome = [names(row["prediction"], call.outcomes, call) for row, call in zip(rows, of)]
        both = [one and other for one, other in zip(problem, outcome)]
        shares = [f"{100 * sum(hits) / len(rows):.0f} %" for hits in (problem, outcome, both)]
        lines.append([path.stem, str(len(rows)), *shares])
        for row in [row for row, right in zip(rows, both) if not right][: arguments.show]:
            print(f"{row['id']}\n    {row['prediction']}\n    reference: {row['references'][0]}")
    print(table(lines))


if __name__ == "__main__":
    main()
