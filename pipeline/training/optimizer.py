"""The optimizer and its learning rate schedule, with names and defaults as in transformers.TrainingArguments."""

import math
from typing import Any

from pipeline.models.tuned import trained_parameters
from pipeline.parameters.train import TrainingParams

# Names of parameters that weight decay spares: biases, T5's table of relative positions among them, and norms.
UNDECAYED = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]


def make_optimizer(network: Any, params: TrainingParams) -> Any:
    """AdamW or Adafactor over the trained parameters. Weight decay spares the same ones as transformers' Trainer."""
    import torch
    from transformers.trainer_pt_utils import get_parameter_names

    trained = trained_parameters(network)
    decayed = set(get_parameter_names(network, [torch.nn.LayerNorm], UNDECAYED))
    groups = [
        {"params": [value for name, value in trained.items() if name in decayed], "weight_decay": params.weight_decay},
        {"params": [value for name, value in trained.items() if name not in decayed], "weight_decay": 0.0},
    ]
    if params.optim == "adafactor":
        from transformers.optimization import Adafactor

        return Adafactor(groups, lr=params.learning_rate, scale_parameter=False, relative_step=False)
    return torch.optim.AdamW(groups, lr=params.learning_rate, fused=True)


def make_schedule(optimizer: Any, params: TrainingParams, steps: int, done: int) -> Any:
    """The learning rate of each of `steps` optimizer steps, continued after `done` of them.

    warmup_steps below 1 is a share of all steps.
    """
    from transformers.optimization import get_scheduler

    warmup = int(params.warmup_steps) if params.warmup_steps >= 1 else math.ceil(steps * params.warmup_steps)
    schedule = get_scheduler(params.lr_scheduler_type, optimizer, warmup, steps)
    schedule.last_epoch = done
    for group, base, factor in zip(optimizer.param_groups, schedule.base_lrs, schedule.lr_lambdas):
        group["lr"] = base * factor(done)
    return schedule
