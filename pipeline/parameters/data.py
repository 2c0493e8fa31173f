"""`data`: where a data set comes from and how its columns are called (conf/data/)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from pipeline.core.params import section
from pipeline.parameters.types import Count, File, Name

Column = Annotated[str, Field(min_length=1, max_length=1000)]


def _delimiter(value: str) -> str:
    if value not in DELIMITERS and not (
        len(value) == 1 and value.isprintable() and not value.isalnum() and value != '"'
    ):
        raise ValueError(f"{value!r}: use {', '.join(DELIMITERS)} or one character that is no letter, digit or quote")
    return value


DELIMITERS = ("comma", "semicolon", "tab", "pipe")
Delimiter = Annotated[str, AfterValidator(_delimiter)]


@section
class HubData:
    """A data set on the Hugging Face hub; `rows` is checked after the download (split -> rows)."""

    repo_id: Name
    revision: Name
    rows: dict[Name, Annotated[int, Field(ge=0, le=10**9)]]


@section
class Limit:
    """The most examples of each split; null takes all."""

    train: Count | None
    validation: Count | None
    test: Count | None


@section
class Data:
    """`train`, `validation` and `test` are files, or folders (docs/data.md).

    `source_column` holds the task's `source`, and `columns` says where its other fields are (field -> column).
    `delimiter`, of CSV, is one character or its name; null finds it. `missing_words`: inputs and outputs that are
    one of them, in upper or lower case, count as empty.
    """

    name: Name
    hub: HubData | None
    train: File
    validation: File
    test: File
    id_column: Column | None
    source_column: Column
    target_column: Column
    columns: dict[Name, Column]
    delimiter: Delimiter | None
    drop_empty: bool
    missing_words: list[str]
    held_out: Annotated[float, Field(gt=0, lt=0.5)]
    near_duplicate: Annotated[float, Field(gt=0, le=1)]
    limit: Limit
