"""`tokenize`: the lengths of prompts and summaries in tokens."""

from typing import Annotated

from pydantic import Field

from pipeline.core.params import section


@section
class Tokenize:
    """Limits in tokens; a summary's includes its end token."""

    max_source_tokens: Annotated[int, Field(ge=16, le=10**7)]
    max_target_tokens: Annotated[int, Field(ge=2, le=10**7)]
