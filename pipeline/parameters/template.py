"""`template`: the prompt's wording (conf/template/)."""

from typing import Annotated

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.types import Name


@section
class Template:
    """`prompts` are Jinja2 templates; with several, each dialogue draws one by the seed."""

    name: Name
    prompts: Annotated[list[Annotated[str, Field(max_length=10**5)]], Field(min_length=1, max_length=1000)]
