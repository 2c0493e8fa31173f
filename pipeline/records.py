"""The files that flow between stages: an id on every row, in a stable order, ids kept from data to report."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline import stage

SPLITS = ("train", "validation", "test")


def read(path: Path) -> list[dict]:
    """The rows of a JSON Lines file that a stage wrote."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def decoded(path: Path) -> str:
    """A person's text file; Refused names the line that is not UTF-8."""
    if not path.is_file():
        raise stage.Refused(f"{path}: no such file")
    content = path.read_bytes()
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise stage.Refused(f"{path}:{line}: not UTF-8 (byte {content[error.start]:#04x}); save it as UTF-8") from None


def located(path: Path) -> Iterator[tuple[str, dict]]:
    """("file:line", row) for each line of a person's JSON Lines file; Refused names the first bad line."""
    for number, line in enumerate(decoded(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise stage.Refused(f"{where}: not JSON: {error.msg} at column {error.colno}") from None
        except RecursionError:
            raise stage.Refused(f"{where}: JSON nested too deep") from None
        if not isinstance(row, dict):
            raise stage.Refused(f"{where}: expected one JSON object a line, found {type(row).__name__}")
        yield where, row


def write(path: Path, rows: Iterable[dict]) -> None:
    """Rows to JSON Lines; the same rows give the same bytes. ValueError on NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def write_json(path: Path, content: dict) -> None:
    """One indented JSON object to a file, for a person and for `git diff`. ValueError on NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def write_tokens(path: Path, examples: list[dict]) -> None:
    """Token ids to Parquet: id, input_ids, labels."""
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{key: example[key] for key in ("id", "input_ids", "labels")} for example in examples]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def read_tokens(path: Path) -> list[dict]:
    """input_ids and labels of `write_tokens`, as a collator wants them."""
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path, columns=["input_ids", "labels"]).to_pylist()
