"""The training loop: any method on any architecture, resumable to the same bytes, with a clock for each phase.

A plain loop on Accelerate. Trainer with its public hooks could not give the same: the loss over accumulated batches,
clocks of validation and checkpoints, and checkpoints of what is trained need its private methods (docs/log.md has the
measurements). Several processes (pipeline/models/processes.py) draw the same batches and take a share of each; they
train what one process trains, up to the order of sums.
"""

import contextlib
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs

from pipeline.core.errors import InputError
from pipeline.core.token_files import input_lengths, longest_first
from pipeline.methods.base import MethodHooks
from pipeline.models import processes, sharding
from pipeline.models.architectures.base import IGNORED, Example, LanguageModel
from pipeline.models.devices import best_device
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.parameters.train import Train, TrainingParams
from pipeline.training.batches import length_grouped_batches
from pipeline.training.checkpoints import Checkpoints, restore_training, restore_weights
from pipeline.training.curves import Curves, Entry
from pipeline.training.dropout_masks import quick_dropout_masks
from pipeline.training.optimizer import make_optimizer, make_schedule


@dataclass
class Progress:
    """How far a training is, as its checkpoints keep it."""

    step: int = 0
    best_step: int = 0
    best_loss: float = math.inf
    seconds_to_best: float = 0.0
    history: list[Entry] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """What a run record says of it."""
        return {
            "steps": self.step,
            "best_step": self.best_step,
            "best_validation_loss": self.best_loss,
            "seconds_to_best": self.seconds_to_best,
        }


def total_steps(params: TrainingParams, train: Train, examples: int) -> int:
    """Optimizer steps of a whole training."""
    batches = math.ceil(examples / train.batch_size)
    return params.num_train_epochs * math.ceil(batches / train.gradient_accumulation_steps)


class MethodTrainer:
    """Trains what requires a gradient in `model.network` and ends with the weights of the best validation loss.

    Validations and checkpoints are spread evenly over the training, the last at its end. Each comes with an entry of
    the log, so that a resumed run logs the same means as an uninterrupted one. sharded: parameters, gradients and the
    optimizer's state are shared out over the processes; otherwise each has all of them.
    """

    def __init__(
        self,
        model: LanguageModel,
        hooks: type[MethodHooks],
        train_examples: Sequence[Example],
        validation_examples: Sequence[Example],
        *,
        params: TrainingParams,
        train: Train,
        precision: str,
        seed: int,
        checkpoints: Checkpoints,
        curves: Curves,
        monitor: ResourceMonitor,
        sharded: bool = False,
    ) -> None:
        self.model, self.params, self.settings, self.seed = model, params, train, seed
        self.examples = train_examples
        self.validation = longest_first(validation_examples)
        self.checkpoints, self.curves, self.monitor = checkpoints, curves, monitor
        self.steps = total_steps(params, train, len(train_examples))
        self.hooks = hooks(model.network, params, self.steps)
        self.progress = Progress()
        self.resumed_from: str | None = None
        self.sharded = sharded
        self.accelerator = make_accelerator(precision)
        model.network.to(self.accelerator.device)
        if sharded:
            sharding.shard(model.network)
        self.optimizer: Any = self.accelerator.prepare(make_optimizer(model.network, params))
        if processes.count() == 1:
            model.network = self.accelerator.prepare(model.network)
        self.losses: Any = SummedLoss(model, self.hooks)
        if processes.count() > 1 and not sharded:  # so that DDP averages gradients
            self.losses = self.accelerator.prepare(self.losses)

    @quick_dropout_masks()
    def train(self) -> Progress:
        """Train to the end, from the newest checkpoint if there is one, and load the best weights."""
        resumed = processes.from_first(self.checkpoints.newest)
        torch.manual_seed(self.seed + 10_007 * processes.number())  # dropout of their own
        if resumed:
            print(f"{self.curves.label}: continuing from {resumed}")
            self._resume(resumed)
        progress, first = self.progress, self.progress.step
        schedule = make_schedule(self.optimizer.optimizer, self.params, self.steps, first)
        self.curves.start(first, self.steps, progress.history)
        window = LossWindow(self.monitor.elapsed("train"))
        evaluate_every = math.ceil(self.steps / self.settings.num_evaluations)
        for batches in self._remaining_batches(first):
            self._step(batches, schedule, window)
            progress.step += 1
            self.curves.advance()
            evaluates = progress.step % evaluate_every == 0 or progress.step == self.steps
            if evaluates or progress.step % self.settings.logging_steps == 0:
                self._log_training(window)
            if evaluates:
                self._evaluate_and_save()
        self.curves.end()
        self.load_best()
        return progress

    def _remaining_batches(self, done: int) -> Any:
        """The batches of each optimizer step after the first `done`, as lists of examples.

        A step has the same examples, however many batches they are accumulated from.
        """
        lengths, size, step = input_lengths(self.examples), self.settings.batch_size, 0
        for epoch in range(self.params.num_train_epochs):
            together = size * self.settings.gradient_accumulation_steps
            for numbers in length_grouped_batches(lengths, together, self.seed, epoch):
                step += 1
                if step > done:
                    examples = [self.examples[number] for number in numbers]
                    yield [examples[start : start + size] for start in range(0, len(examples), size)]

    def _step(self, batches: list[list[Example]], schedule: Any, window: "LossWindow") -> None:
        """One optimizer step over accumulated batches; the loss is the mean over all of their labels."""
        self.model.network.train()
        labels = torch.tensor(sum(map(count_labels, batches)), device=self.accelerator.device)
        for number, examples in enumerate(batches, start=1):
            batch, weight = self._own_share(examples)
            with self._synchronizing(number == len(batches)):
                with self.accelerator.autocast():
                    total, penalty = self.losses(batch)
                loss = total / labels
                if not torch.isfinite(loss):
                    raise InputError(diverged("loss", loss.item(), self.progress.step + 1))
                penalty = penalty / len(batches)
                # Gradients are averaged over processes, and the loss is a sum over them. The penalty is the same in
                # each; its gradient counts, but the loss keeps its own value for the curve.
                self.accelerator.backward(loss * (weight * processes.count()) + (penalty - penalty.detach()))
            window.add(weight * loss.detach(), weight * self.model.count_batch_tokens(batch))
        self.accelerator.clip_grad_norm_(self.model.network.parameters(), self.settings.max_grad_norm)
        self.optimizer.step()
        self.hooks.after_optimizer_step(self.progress.step + 1)
        window.learning_rate = self.optimizer.param_groups[0]["lr"]  # of this step, after a resume too
        schedule.step()
        self.optimizer.zero_grad()
        window.steps += 1

    def _own_share(self, examples: list[Example]) -> tuple[Any, int]:
        """This process's part of a batch, collated, and its weight: 0 of one that stands in for an empty part."""
        own = processes.share(examples)
        batch = self.model.collate(own or examples[:1])
        return batch.to(self.accelerator.device), 1 if own else 0

    def _synchronizing(self, now: bool) -> Any:
        """Gradients of accumulated batches are averaged over processes once, with the last of them."""
        return contextlib.nullcontext() if now or self.sharded else self.accelerator.no_sync(self.losses)

    def _log_training(self, window: "LossWindow") -> None:
        """Add the mean loss since the last entry to the history, with non-padding tokens per second."""
        step = self.progress.step
        entry = window.close(self.monitor.elapsed("train"))
        self._log({"step": step, **entry, "seconds_left": self.curves.seconds_left(step)})

    def _log(self, entry: Entry) -> None:
        entry["epoch"] = self.progress.step * self.params.num_train_epochs / self.steps
        self.progress.history.append(entry)
        self.curves.log(entry)

    def evaluate(self) -> float:
        """Mean cross entropy of all validation labels; every label counts the same, whatever its batch."""
        self.model.network.eval()
        total, labels, size = torch.zeros((), dtype=torch.float64), 0, 2 * self.settings.batch_size
        with self.monitor.phase("validation"), torch.no_grad(), self.accelerator.autocast():
            for start in range(0, len(self.validation), size):
                batch, weight = self._own_share(self.validation[start : start + size])
                batch_total, batch_labels = self.model.loss(batch)
                total, labels = total + weight * batch_total.cpu().double(), labels + weight * batch_labels.cpu()
            loss = (processes.add_up(total) / processes.add_up(labels)).item()
        if not math.isfinite(loss):
            raise InputError(diverged("validation loss", loss, self.progress.step))
        return loss

    def _evaluate_and_save(self) -> None:
        loss, progress = self.evaluate(), self.progress
        self._log({"step": progress.step, "validation_loss": loss})
        if loss < progress.best_loss:
            progress.best_step, progress.best_loss = progress.step, loss
            progress.seconds_to_best = round(self.monitor.elapsed("train"), 3)
        with self.monitor.phase("checkpoint"):
            saved = {**asdict(progress), "monitor": self.monitor.state()}
            network, optimizer = self.model.network, self.optimizer.optimizer
            self.checkpoints.save(progress.step, network, optimizer, self.hooks.state(), saved)
            self.checkpoints.prune({progress.step, progress.best_step})

    def _resume(self, path: Path) -> None:
        self.resumed_from = path.name
        self.hooks.restore(restore_weights(path, self.model.network, self.model.device))
        saved = restore_training(path, self.model.network, self.optimizer.optimizer)
        self.monitor.restore(saved.pop("monitor"))
        self.progress = Progress(**saved)

    def load_best(self) -> None:
        """Put the weights of the lowest validation loss into the network."""
        path = self.checkpoints.path(self.progress.best_step)
        self.hooks.restore(restore_weights(path, self.model.network, self.model.device))


def make_accelerator(precision: str) -> Accelerator:
    """Accelerate for this process, without its own FSDP."""
    os.environ.pop(sharding.ASKED_FOR, None)
    mixed = {"fp32": "no"}.get(precision, precision)
    # A step may use a part of the parameters, as one with few examples does of a mixture of experts. Gradients that are
    # views of what is sent need no memory twice.
    handlers = [DistributedDataParallelKwargs(find_unused_parameters=True, gradient_as_bucket_view=True)]
    return Accelerator(mixed_precision=mixed, cpu=best_device() == "cpu", kwargs_handlers=handlers)


class SummedLoss(torch.nn.Module):
    """(summed loss of a collated batch, the hooks' penalty) as one forward pass, which Accelerate can wrap."""

    def __init__(self, model: LanguageModel, hooks: MethodHooks) -> None:
        super().__init__()
        self.network, self.model, self.hooks = model.network, model, hooks

    def forward(self, batch: Any) -> tuple[Any, Any]:
        total, _ = self.model.loss(batch)
        with torch.autocast(total.device.type, enabled=False):
            return total, self.hooks.penalty()


class LossWindow:
    """What is summed between two entries of the log. since: seconds of training at the last entry."""

    def __init__(self, since: float) -> None:
        self.since, self.learning_rate = since, 0.0
        self._reset()

    def _reset(self) -> None:
        self.loss, self.tokens, self.steps = torch.zeros(()), torch.zeros((), dtype=torch.int64), 0

    def add(self, loss: Any, tokens: Any) -> None:
        self.loss, self.tokens = self.loss.to(loss.device) + loss, self.tokens.to(loss.device) + tokens

    def close(self, seconds: float) -> dict[str, float]:
        """Mean loss of a step, the last learning rate, tokens per second; then a new window begins."""
        spent = max(seconds - self.since, 1e-9)
        entry = {
            "loss": processes.add_up(self.loss).item() / self.steps,
            "learning_rate": self.learning_rate,
            "tokens_per_second": float(processes.add_up(self.tokens)) / spent,
        }
        self.since = seconds
        self._reset()
        return entry


def count_labels(examples: list[Example]) -> int:
    """Labels of a batch, whichever process works on them."""
    return sum(label != IGNORED for example in examples for label in example["labels"])


def diverged(name: str, value: float, step: int) -> str:
    return f"the {name} became {value} at step {step}: lower this method's learning_rate, or set train.precision=fp32"
