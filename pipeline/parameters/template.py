"""`template`: the prompt's wording (conf/template/)."""

from typing import Annotated

from pydantic import Field

from pipeline.core.params import section


@section
class Template:
    """`prompts` are Jinja2 templates; with several, each dialogue draws one by the seed."""

    name: str
    prompts: Annotated[list[str], Field(min_length=1)]
