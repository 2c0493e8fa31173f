"""Outputs for your own inputs, by any trained method: the text that `generate` writes for the same input.

    python -m pipeline.predict lora calls.jsonl --output summaries.jsonl
    python -m pipeline.predict lora,full mail.txt
    python -m pipeline.predict all
    python -m pipeline.predict exports/lora-17-adapter calls.jsonl

A method (its first seed) or a run such as lora-18; several with commas, or `all`, give columns side by side. A folder
that `python -m pipeline.export` wrote, or a model card's, has its own settings and needs no params.yaml. The input
is a file of any format of docs/data.md with the columns that the data set has (or named as the task's fields), a text
file (an empty line between two texts), or standard input, in a terminal text by text. The output is JSON Lines or CSV,
by its ending, or goes to standard output. A run that was stopped goes on where it was, by the same command.
"""

import argparse
import contextlib
import csv
import hashlib
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import prepare_process, run_command
from pipeline.core.errors import InputError
from pipeline.core.messages import listed
from pipeline.core.paths import Paths
from pipeline.exporting.asked_models import AskedModel, find_models
from pipeline.exporting.opening import Answerer
from pipeline.parameters.task import Task
from pipeline.tables.examples import Columns
from pipeline.tables.inputs import STDIN, Input, read_inputs

ENDINGS = (".jsonl", ".csv")


def main() -> None:
    arguments = parse_arguments()
    models = find_models(arguments.methods, Paths(), arguments.base)
    first = next(iter(models.values()))

    def read() -> Iterator[Input]:
        id_column = arguments.id_column or first.id_column
        return read_inputs(arguments.input, first.columns, first.task.source, id_column)

    if arguments.input == STDIN and sys.stdin.isatty():
        converse(load(models), first.task)
        return
    if arguments.input != STDIN:  # all of it, before the first is answered
        total = sum(1 for _ in usable(read(), arguments.skip_bad))
        print(f"{arguments.input}: {total:,} inputs", file=sys.stderr)
    inputs = usable(read(), arguments.skip_bad, quiet=arguments.input != STDIN)
    if arguments.output:
        answer_file(arguments, models, inputs)
    else:
        with contextlib.redirect_stdout(sys.stderr):  # whatever else is said
            predictors = load(models)
        for chunk in chunks(inputs, arguments.chunk):
            with contextlib.redirect_stdout(sys.stderr):
                rows = answer(chunk, predictors, 0)
            sys.stdout.write(written(rows, ".jsonl"))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.predict", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("methods", metavar="METHOD[,METHOD...]", help="or runs, or folders of exports")
    parser.add_argument("input", nargs="?", type=Path, default=STDIN, help="default: standard input")
    parser.add_argument("--output", type=Path, help=f"{' or '.join(ENDINGS)}; default: JSON Lines on standard output")
    parser.add_argument("--base", type=Path, metavar="FOLDER", help="the base of an exported adapter, if it moved")
    parser.add_argument("--id-column", help="default: data.id_column, else a column `id`, else the number of the row")
    parser.add_argument("--skip-bad", action="store_true", help="leave out rows that cannot be answered, and say which")
    parser.add_argument(
        "--chunk", type=int, default=256, help="rows between two states that a stopped run can go on from"
    )
    arguments = parser.parse_args()
    if arguments.chunk < 1:
        parser.error("--chunk: at least 1")
    if arguments.output and arguments.output.suffix.lower() not in ENDINGS:
        parser.error(f"--output: {arguments.output}: expected a name that ends in {' or '.join(ENDINGS)}")
    return arguments


def load(models: dict[str, AskedModel]) -> dict[str, Answerer]:
    """What answers, by the name that it was asked for with."""
    return {name: model.open() for name, model in models.items()}


def usable(inputs: Iterable[Input], skip_bad: bool, quiet: bool = False) -> Iterator[Input]:
    """The inputs that can be answered. Raises InputError for the first that cannot, unless those are skipped."""
    for one in inputs:
        if not one.bad:
            yield one
        elif skip_bad and not quiet:
            print(f"skipped {one.where}: {one.bad}", file=sys.stderr)
        elif not skip_bad:
            raise InputError(f"{one.where}: {one.bad}; correct it, or leave such rows out with --skip-bad")


def chunks(inputs: Iterable[Input], size: int) -> Iterator[list[Input]]:
    """Lists of `size` inputs, the last of fewer."""
    iterator = iter(inputs)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def answer(chunk: list[Input], predictors: dict[str, Answerer], done: int) -> list[dict[str, str]]:
    """A row for each input: id, and `prediction` or, of several methods, a column each."""
    records = [{"id": one.id, **one.fields} for one in chunk]
    span = f"rows {done + 1} to {done + len(chunk)}"
    columns = {name: predictor.write(records, f"{name}, {span}") for name, predictor in predictors.items()}
    if len(columns) == 1:
        columns = {"prediction": next(iter(columns.values()))}
    return [
        {"id": record["id"], **{name: texts[number] for name, texts in columns.items()}}
        for number, record in enumerate(records)
    ]


def written(rows: list[dict[str, str]], kind: str, header: bool = False) -> str:
    """Rows as lines of a file."""
    if kind == ".jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    lines = io.StringIO(newline="")
    writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()


def answer_file(arguments: argparse.Namespace, models: dict[str, AskedModel], inputs: Iterator[Input]) -> None:
    """Write the output chunk by chunk; beside it a file with how far it is, until it is whole."""
    output, kind = arguments.output, arguments.output.suffix.lower()
    state = output.with_name(f"{output.name}.progress.json")
    key = settings_key(arguments, models)
    done = begin(output, state, key)
    if done["rows"]:
        print(f"{output}: goes on after {done['rows']:,} rows")
    if sum(1 for _ in itertools.islice(inputs, done["rows"])) < done["rows"]:
        raise InputError(f"{arguments.input}: fewer rows than {output} has already; delete {output} and {state}")
    predictors: dict[str, Answerer] = {}
    for chunk in chunks(inputs, arguments.chunk):
        predictors = predictors or load(models)
        rows = answer(chunk, predictors, done["rows"])
        with output.open("ab") as file:
            file.write(written(rows, kind, header=not done["bytes"]).encode())
            done |= {"rows": done["rows"] + len(chunk), "bytes": file.tell()}
        files.write_json(state.with_suffix(".new"), done)
        state.with_suffix(".new").replace(state)
    if not done["rows"]:
        raise InputError(f"{arguments.input}: no row that can be answered")
    state.unlink()
    print(f"{output}: {done['rows']:,} rows by {', '.join(model.label for model in models.values())}")


def settings_key(arguments: argparse.Namespace, models: dict[str, AskedModel]) -> str:
    """A hash of everything that an output depends on: settings, models, and which file is answered."""
    parts: list[Any] = [[name, *model.state()] for name, model in models.items()]
    if arguments.input != STDIN and arguments.input.exists():
        found = arguments.input.stat()
        parts.append((str(arguments.input.resolve()), found.st_size, found.st_mtime_ns))
    parts += [arguments.id_column, arguments.skip_bad]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def begin(output: Path, state: Path, key: str) -> dict[str, Any]:
    """How far an output is. What was written after the last whole chunk is cut off.

    Raises InputError for a file that is whole, or was begun with other settings: nothing is overwritten.
    """
    new = {"key": key, "rows": 0, "bytes": 0}
    if not output.parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.parent}")
    if not state.exists():
        if output.exists():
            raise InputError(f"{output}: exists already; name another output, or delete it")
        return new
    found = json.loads(state.read_text(encoding="utf-8"))
    if found["key"] != key or not output.exists() or output.stat().st_size < found["bytes"]:
        raise InputError(f"{output}: begun with other inputs, models or settings; delete it and {state}")
    with output.open("rb+") as file:
        file.truncate(found["bytes"])
    return found


def converse(predictors: dict[str, Answerer], task: Task) -> None:
    """Answer texts from the terminal, one after the other, with every method."""
    if len(task.fields) > 1:
        raise InputError(f"the task needs {listed(task.fields)}: give a table with these columns")
    print("Type or paste a text and end it with an empty line; stop with Ctrl-D.", file=sys.stderr)
    for number, one in enumerate(read_inputs(STDIN, Columns("", "", []), task.source, None), start=1):
        for name, predictor in predictors.items():
            (text,) = predictor.write([{"id": str(number), **one.fields}], name)
            print(f"{name}: {text}")


if __name__ == "__main__":
    prepare_process()
    run_command("python -m pipeline.predict", main)
