"""`data`: where a data set comes from and how its columns are called (conf/data/)."""

from typing import Annotated

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.types import Count, File, Name

Column = Annotated[str, Field(min_length=1, max_length=1000)]


@section
class HubData:
    """A data set on the Hugging Face hub; `rows` is checked after the download (split -> rows)."""

    repo_id: Name
    revision: Name
    rows: dict[Name, Annotated[int, Field(ge=0, le=10**9)]]


@section
class Limit:
    """The most dialogues of each split; null takes all."""

    train: Count | None
    validation: Count | None
    test: Count | None


@section
class Data:
    """`train`, `validation` and `test` are files, or folders that hold train.jsonl, validation.jsonl, test.jsonl."""

    name: Name
    hub: HubData | None
    train: File
    validation: File
    test: File
    id_column: Column | None
    source_column: Column
    target_column: Column
    drop_empty: bool
    held_out: Annotated[float, Field(gt=0, lt=0.5)]
    near_duplicate: Annotated[float, Field(gt=0, le=1)]
    limit: Limit
