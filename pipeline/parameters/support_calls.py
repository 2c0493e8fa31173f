"""`support_calls`: how many of the bundled dialogues are written."""

from typing import Annotated

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.types import Seed

Calls = Annotated[int, Field(ge=1, le=10**6)]


@section
class SupportCalls:
    """How many calls of each split, questions of each task to measure (`questions`) and to train on (`rehearsal`), and
    calls whose next turn is held-out text.
    """

    seed: Seed
    train: Calls
    validation: Calls
    test: Calls
    questions: Annotated[int, Field(ge=0, le=10**6)]
    texts: Calls
    rehearsal: Calls
