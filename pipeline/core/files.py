"""Files that stages write and read: JSON Lines, JSON and Parquet. The same content gives the same bytes.

Whatever is wrong with a file of another stage, reading it raises an InputError that names the file and the command that
makes it anew.
"""

import contextlib
import functools
import itertools
import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.messages import first_line, shown
from pipeline.core.outputs import remedy, writer

AT_A_TIME = 1000  # rows that are read and checked together

Row = dict[str, Any]


def read_jsonl(path: Path, shape: Any = Row, may_be_empty: bool = False) -> list[Row]:
    """The rows of a JSON Lines file that a stage wrote, each of which has the `shape` of a TypedDict."""
    return list(iterate_jsonl(path, shape, may_be_empty))


def iterate_jsonl(path: Path, shape: Any = Row, may_be_empty: bool = False) -> Iterator[Row]:
    """The rows of `read_jsonl`, of which only some are in memory."""
    first = 1
    for lines in _groups_of_lines(path):
        rows = [parse_line(path, number, line) for number, line in enumerate(lines, start=first)]
        check_shape(path, rows, list[shape], "line ", first)
        yield from rows
        first += len(rows)
    if first == 1 and not may_be_empty:
        raise damaged(path, "empty")


def parse_line(path: Path, number: int, line: str | bytes) -> Any:
    """What line `number` of a JSON Lines file of a stage holds."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"line {number}: not JSON: {first_line(error)}") from None


def count_lines(path: Path) -> int:
    """How many rows a JSON Lines file that a stage wrote has, for progress; nothing of it is checked."""
    refuse_missing(path)
    with path.open("rb") as file:
        return sum(1 for _ in file)


@contextlib.contextmanager
def removed_on_failure(path: Path) -> Iterator[None]:
    """Make a file's folder; where writing the file fails, delete it: half of it could pass for the whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if path.is_file():
            path.unlink()
        raise


def write_jsonl(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSON Lines, each before the next is asked for. Raises ValueError on NaN."""
    with removed_on_failure(path), path.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def read_json(path: Path, shape: Any = Row) -> Row:
    """One JSON object that a stage wrote, of the `shape` of a TypedDict."""
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"not JSON: {first_line(error)}") from None
    check_shape(path, content, shape)
    return content


def write_json(path: Path, content: Row) -> None:
    """Write one indented JSON object, readable in `git diff`. Raises ValueError on NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def write_parquet(path: Path, rows: list[Row]) -> None:
    """Write rows as Parquet."""
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def read_parquet(path: Path, columns: list[str] | None = None, shape: Any = Row) -> list[Row]:
    """The rows of a Parquet file that a stage wrote, of the `shape` of a TypedDict; all columns, or those named."""
    import pyarrow
    import pyarrow.parquet

    refuse_missing(path)
    try:
        rows = pyarrow.parquet.read_table(path, columns=columns).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise damaged(path, f"not a readable Parquet file: {first_line(error)}") from None
    if not rows:
        raise damaged(path, "no rows")
    check_shape(path, rows, list[shape], "row ")
    return rows


def read_text(path: Path) -> str:
    """A text file that a stage wrote."""
    refuse_missing(path)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise damaged(path, f"not readable as text: {first_line(error)}") from None


def _groups_of_lines(path: Path) -> Iterator[list[str]]:
    """The lines of a file, without their ends."""
    refuse_missing(path)
    read = 0
    try:
        with path.open(encoding="utf-8") as file:
            while lines := list(itertools.islice(file, AT_A_TIME)):
                read += len(lines)
                if not lines[-1].endswith("\n"):
                    raise damaged(path, f"line {read} has no end")
                yield [line[:-1] for line in lines]
    except (OSError, ValueError) as error:
        raise damaged(path, f"not readable as text: {first_line(error)}") from None


def refuse_missing(path: Path) -> None:
    """Raise InputError where a stage's file is not there, or a folder is in its place."""
    if path.is_dir():
        raise damaged(path, "a folder, where a file is expected")
    if not path.exists():
        raise missing(path)


def check_shape(path: Path, content: Any, shape: Any, item: str = "", first: int = 1) -> None:
    """Raise InputError where the content of a file is not of a shape: a type that pydantic checks.

    Further keys are allowed. `item` names the elements of a list, of which the first has the number `first`.
    """
    from pydantic import ValidationError

    try:
        _adapter(shape).validate_python(content, strict=True)
    except ValidationError as failure:
        error = failure.errors(include_url=False)[0]
        place = [str(part) for part in error["loc"]]
        if item and place:
            place[0] = f"{item}{int(place[0]) + first}"
        if error["type"] == "missing":
            reason = ": ".join([*place[:-1], f"no {place[-1]!r}"])
        else:
            reason = ": ".join([*place, f"{shown(error['input'])}: {error['msg']}"])
        raise damaged(path, reason) from None


@functools.cache
def _adapter(shape: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(shape)


def missing(path: Path) -> InputError:
    """The error for a file that a stage should have written."""
    return InputError(f"{path}: no such file; {remedy(path, missing=True)}")


def damaged(path: Path, reason: str) -> InputError:
    """The error for a file that a stage wrote and something else cut short or changed."""
    return InputError(f"{path}: cut short or changed by hand ({reason}); {remedy(path)}")


@contextlib.contextmanager
def explain_damage(path: Path) -> Iterator[None]:
    """Whatever reading `path`, a stage's output, raises becomes an InputError with the command that makes it anew.

    Around readers that are not this module's, and nothing else. Errors about other files pass unchanged.
    """
    try:
        yield
    except InputError as error:
        if "dvc repro" in str(error) or not writer(path):
            raise
        raise InputError(f"{error}; {remedy(path, missing=not path.exists())}") from None
    except Exception as error:  # libraries raise all kinds: OSError, KeyError, SafetensorError, tokenizers' Exception
        if isinstance(error, MemoryError) or "memory" in str(error).lower() or not writer(path):
            raise
        raise _blame(path, error) from error


def _blame(path: Path, error: Exception) -> InputError:
    """The error for a file, or for that file of a folder that cannot be read."""
    if not path.exists():
        return missing(path)
    for file in sorted(path.iterdir()) if path.is_dir() else []:
        if reason := unreadable(file):
            return damaged(file, reason)
    return damaged(path, f"{type(error).__name__}: {first_line(error)}")


def unreadable(path: Path) -> str:
    """Why a JSON or safetensors file cannot be read; "" where it can, and for other files."""
    try:
        if path.suffix == ".json":
            content = json.loads(path.read_text(encoding="utf-8"))
            return "" if content and isinstance(content, dict) else "no JSON object, or one without keys"
        if path.suffix == ".safetensors":
            return "" if path.stat().st_size == _safetensors_size(path) else "not of the size that its header names"
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        return first_line(error)
    return ""


def _safetensors_size(path: Path) -> int:
    """The size that a safetensors file should have: eight bytes, a header of so many bytes, and the tensors."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ValueError("no header")
        header = json.loads(file.read(length))
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    return 8 + length + max(ends, default=0)


def explain_damaged_input(path: Path) -> AbstractContextManager[None]:
    """`explain_damage` for a path of params.yaml, which is a stage's output or a user's file.

    Stages' outputs are named relative to the project's folder.
    """
    return contextlib.nullcontext() if path.is_absolute() else explain_damage(path)
