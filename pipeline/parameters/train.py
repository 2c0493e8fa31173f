"""`train`: what all trainings have in common; learning rate and length are in each method's section."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.types import Batch, Count, CountOrAuto, Few, LearningRate, Positive, Precision

QUANTIZED = ("8bit", "4bit")  # values of train.base_weights that need bitsandbytes


@section
class Train:
    """Names and meaning as in transformers.TrainingArguments where that has them."""

    batch_size: CountOrAuto
    gradient_accumulation_steps: Batch
    num_evaluations: Few
    logging_steps: Count
    max_grad_norm: Positive
    precision: Precision
    attn_implementation: Literal["eager", "sdpa"]
    gradient_checkpointing: bool
    base_weights: Literal["fp32", "bf16", "8bit", "4bit"]


@section
class TrainingParams:
    """The keys that the section of every trained method has."""

    learning_rate: LearningRate
    num_train_epochs: Few
    optim: Literal["adamw_torch_fused", "adafactor"]
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"]
    warmup_steps: Annotated[float, Field(ge=0, le=10**9)]
    weight_decay: Annotated[float, Field(ge=0, le=10)]
