"""`forgetting`: questions and text that no method was tuned on (conf/forgetting/)."""

from pipeline.core.params import section
from pipeline.parameters.types import Batch, Count, File, Tokens


@section
class Forgetting:
    """Files, how many questions of each task (null: all of them), and how they are answered."""

    questions: File
    text: File
    per_task: Count | None
    batch_size: Batch
    max_new_tokens: Tokens
