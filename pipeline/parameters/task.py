"""`task`: what is tuned for (conf/task/): the fields of a record, and what kind of output is scored."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.types import Name

RESERVED = ("id", "references", "near", "choices")  # of a record, beside its fields
Kind = Literal["summarization", "classification", "question_answering"]
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z]\w*$", max_length=60)]


@section
class Task:
    """`kind` names the metrics: a module of pipeline/evaluation/tasks. `fields`: what templates may use of a record.

    `source`: the field that loses some of its middle where a prompt is too long. `by_choice`: of a
    classification, whether the likeliest label is found too, besides the one that is written.
    """

    name: Name
    kind: Kind
    fields: Annotated[list[FieldName], Field(min_length=1, max_length=100)]
    source: FieldName
    by_choice: bool
