"""`mixture`: further tasks in the training data (conf/mixture/)."""

from typing import Annotated

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.data import Column
from pipeline.parameters.task import FieldName
from pipeline.parameters.types import Count, File, Name

Text = Annotated[str, Field(max_length=10**5)]


@section
class Inverted:
    """A phrasing that asks for another field than the target; it may use the target, under its column's name."""

    prompt: Text
    output: FieldName


@section
class HubSplit:
    """A split of a data set on the Hugging Face hub; `config` null where it has one configuration alone."""

    repo_id: Name
    revision: Name
    config: Name | None
    split: Name


@section
class FurtherTask:
    """A task of the mixture. `data`: a file or folder; data/checked, which every clone has, for one from the `hub`.

    `where`: column -> value of the rows that are taken. `fields`: field -> column. `source`: the field that may be
    shortened. `prompts`: Jinja2 templates over the fields; every example draws one. `cap`: the most examples that
    count, null for mixture.cap.
    """

    data: File
    hub: HubSplit | None
    where: dict[Name, str | int | bool]
    fields: Annotated[dict[FieldName, Column], Field(min_length=1)]
    source: FieldName
    target: Column
    prompts: Annotated[list[Text | Inverted], Field(min_length=1, max_length=1000)]
    cap: Count | None


@section
class Mixture:
    """`name`: of the file in conf/mixture/. `share`: of the training examples, those of further tasks; the task's own
    are all kept. `temperature` and `cap`: T5's rule. `repeat`: whether an example may be drawn again. `held_out`: names
    of tasks that must not be mixed in.
    """

    name: Name
    share: Annotated[float, Field(ge=0, le=0.95)]
    temperature: Annotated[float, Field(ge=1, le=1000)]
    cap: Count
    repeat: bool
    held_out: list[Name]
    tasks: dict[Annotated[str, Field(pattern=r"^\w[\w-]*$", max_length=60)], FurtherTask]
