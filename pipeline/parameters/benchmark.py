"""`benchmark`: tasks of lm-eval that every trained model is measured on (conf/benchmark/)."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pipeline.core.params import section
from pipeline.parameters.types import Batch, Count, File, Name, Tokens


def refuse_mean(name: str) -> str:
    if name == "mean":
        raise ValueError("'mean' is the name of the mean over tasks; choose another")
    return name


TaskName = Annotated[str, Field(pattern=r"^\w[\w-]*$", max_length=60), AfterValidator(refuse_mean)]


@section
class HubConfig:
    """One of the configurations of a data set on the Hugging Face hub; `config` null where it has one alone."""

    repo_id: Name
    revision: Name
    config: Name | None


@section
class BenchmarkTask:
    """`stock`: a task of lm-eval by its name; null where `settings` say all. `settings`: keys of lm-eval's task files,
    in place of the stock task's. `data`: a file or folder; data/checked, which every clone has, for data of the `hub`.
    `where`: column -> value of the rows that are taken.
    """

    stock: Name | None
    settings: dict[str, Any]
    data: File
    where: dict[Name, str | int | bool]
    hub: HubConfig | None


@section
class Benchmark:
    """`name`: of the file in conf/benchmark/. `num_fewshot`: worked examples in a prompt; null: what the task says.
    `limit`: the first items of each task, null for all. `max_new_tokens`: of a task that says nothing of it.
    """

    name: Name
    tasks: dict[TaskName, BenchmarkTask]
    num_fewshot: Annotated[int, Field(ge=0, le=1000)] | None
    limit: Count | None
    batch_size: Batch
    max_new_tokens: Tokens
