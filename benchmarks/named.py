"""Which summaries of the bundled calls name the right problem and the right outcome? Word for word, so a lower bound.

    python -m benchmarks.named reports/predictions/full/full-17.jsonl reports/predictions/lora/lora-17.jsonl [--show 10]

The calls are written again from the seed of params.yaml, because only their generator knows what is true of them. A
summary names the problem if it contains one of the clauses that a reference could have contained, and likewise the
outcome. People accept more than these clauses, but hardly ever less.
"""

import argparse
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import read_section
from pipeline.parameters.support_calls import SupportCalls
from pipeline.reporting import markdown
from pipeline.reporting.cells import Count, Percent, Text
from pipeline.reporting.page import Column, Table, build_table
from support_calls.dialogues import Call
from support_calls.world import Split, Writer
from support_calls.write import unseen


@dataclass(frozen=True)
class Named:
    """Of a file of predictions, whether each names the problem and the outcome."""

    name: str
    rows: list[dict[str, Any]]
    problem: list[bool]
    outcome: list[bool]

    @property
    def both(self) -> list[bool]:
        return [problem and outcome for problem, outcome in zip(self.problem, self.outcome)]


def calls(support_calls: SupportCalls, split: str) -> list[Call]:
    """The calls of validation or test, in the order of their ids. Raises InputError for any other split."""
    seen: set[str] = set()
    splits: tuple[Split, ...] = ("test", "validation")  # in the order in which support_calls.write draws them
    for written in splits:
        drawn = list(unseen(support_calls.seed, written, getattr(support_calls, written), seen))
        if written == split:
            return drawn
    raise InputError(f"{split!r}: expected test or validation")


def names(summary: str, clauses: list[str], call: Call) -> bool:
    """Whether the summary contains one of the clauses, filled in."""
    writer = Writer(random.Random(0), "test")
    return any(writer.write(clause, call.values).lower() in summary.lower() for clause in clauses)


def check(path: Path, known: list[Call]) -> Named:
    """Check a file of predictions against the calls."""
    rows = files.read_jsonl(path)
    pairs = [(row["prediction"], known[int(row["id"].rpartition("-")[2])]) for row in rows]
    problem = [names(text, call.problems, call) for text, call in pairs]
    return Named(path.stem, rows, problem, [names(text, call.outcomes, call) for text, call in pairs])


def shares(checked: list[Named]) -> Table:
    """A row for each file."""

    def percent(hits: list[bool]) -> Percent:
        return Percent(100 * sum(hits) / len(hits))

    return build_table(
        "Named",
        [
            (Column("predictions", align="left"), lambda one: Text(one.name)),
            (Column("summaries"), lambda one: Count(len(one.rows))),
            (Column("problem"), lambda one: percent(one.problem)),
            (Column("outcome"), lambda one: percent(one.outcome)),
            (Column("both"), lambda one: percent(one.both)),
        ],
        checked,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.named", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predictions", type=Path, nargs="+")
    parser.add_argument("--split", default="test", choices=["validation", "test"])
    parser.add_argument("--show", type=int, default=0, help="print this many that fail, with a reference")
    arguments = parser.parse_args()
    known = calls(read_section("support_calls", SupportCalls), arguments.split)
    checked = [check(path, known) for path in arguments.predictions]
    for one in checked:
        for row in [row for row, right in zip(one.rows, one.both) if not right][: arguments.show]:
            print(f"{row['id']}\n    {row['prediction']}\n    reference: {row['references'][0]}")
    print(markdown.table(shares(checked)))


if __name__ == "__main__":
    main()
