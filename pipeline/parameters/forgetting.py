"""`forgetting`: questions and text that no method was tuned on (conf/forgetting/)."""

from typing import Literal

from pipeline.core.params import section
from pipeline.parameters.types import Batch, Count, File, Tokens


@section
class Forgetting:
    """Files, how many questions of each task (null: all of them), and how one with choices is answered.

    multiple_choice=exact_match: by what the model writes, like any other question. log_likelihood: by the choice whose
    tokens have the highest sum of log-probabilities, not normalized by length (`acc` of the Language Model Evaluation
    Harness).
    """

    questions: File
    text: File
    multiple_choice: Literal["exact_match", "log_likelihood"]
    per_task: Count | None
    batch_size: Batch
    max_new_tokens: Tokens
