"""`soft_prompt`: how it is found out what the vectors of a soft prompt say."""

from typing import Annotated

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.types import Batch, Count


@section
class SoftPrompt:
    """`examples`: the first N of validation, whose loss is taken with, without and after changes of the prompt.
    `listed`: virtual tokens that are listed, each neutralized in turn on `neutralize_examples`; of a longer prompt so
    many, evenly spread. `nearest`: tokens of the vocabulary that are named for each.
    """

    examples: Count
    listed: Annotated[int, Field(ge=1, le=1000)]
    neutralize_examples: Count
    nearest: Annotated[int, Field(ge=1, le=100)]
    batch_size: Batch
