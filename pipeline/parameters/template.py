"""`template`: the prompt's wording (conf/template/)."""

from typing import Annotated, Any

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.task import Kind
from pipeline.parameters.types import Name


@section
class Template:
    """`prompts` are Jinja2 templates; with several, each example draws one by the seed. `kind`: what they ask for.

    chat_template_kwargs: further arguments of the model's chat template. date: the day that a chat template which
    writes today's date is told.
    """

    name: Name
    kind: Kind
    prompts: Annotated[list[Annotated[str, Field(max_length=10**5)]], Field(min_length=1, max_length=1000)]
    chat_template_kwargs: dict[str, Any]
    date: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
