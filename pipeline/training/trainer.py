"""Hugging Face's Trainer, made resumable to the byte, fast on uneven lengths, and honest about its clocks."""

import json
import math
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_pt_utils import get_length_grouped_indices

from pipeline import methods
from pipeline.core.errors import InputError
from pipeline.models import families
from pipeline.training.curves import Watch


def total_steps(params, train, examples: int) -> int:
    """Optimizer steps of a whole training."""
    batches = math.ceil(examples / train.batch_size)
    return params.num_train_epochs * math.ceil(batches / train.gradient_accumulation_steps)


def arguments(folder: Path, params, train, precision: str, seed: int, examples: int) -> TrainingArguments:
    """Trainer's arguments from params.yaml; evaluations and checkpoints are spread evenly, the last at the end."""
    every = math.ceil(total_steps(params, train, examples) / train.evaluations)
    args = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=train.batch_size,
        per_device_eval_batch_size=train.batch_size * 2,
        gradient_accumulation_steps=train.gradient_accumulation_steps,
        num_train_epochs=params.num_train_epochs,
        learning_rate=params.learning_rate,
        optim=params.optim,
        lr_scheduler_type=params.lr_scheduler_type,
        warmup_steps=params.warmup_steps,
        weight_decay=params.weight_decay,
        max_grad_norm=train.max_grad_norm,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        logging_steps=train.logging_steps,
        logging_nan_inf_filter=False,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,  # at 1, Trainer deletes the newest at the end, and a kill then would cost work
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        seed=seed,
        use_cpu=not torch.cuda.is_available() and not torch.backends.mps.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        disable_tqdm=True,  # Watch shows how far it is
        report_to=[],
    )
    if args.n_gpu > 1:  # Trainer would wrap the model in DataParallel; one GPU is what the clocks are about
        args._n_gpu = 1
    return args


class Tuner(Trainer):
    """A Trainer for any method: seq2seq or causal, whole model or adapter, with its companion (pipeline/methods)."""

    # compute_loss divides by the labels of the whole accumulated batch.
    loss_is_scaled_for_ga = True

    def __init__(self, model, args, tokenizer, train_rows, validation_rows, arch, clock, watch: Watch, companion=None):
        self.arch, self.clock, self.watch = arch, clock, watch
        self.companion = companion or methods.Companion()
        self.seen = 0  # real tokens since the last line of the log ...
        self.since = 0.0  # ... and the seconds of optimizer steps until then
        self.sampler = LengthGrouped([len(row["input_ids"]) for row in train_rows], args.train_batch_size, args.seed)
        collator = families.collator(tokenizer, getattr(model, "get_base_model", lambda: model)(), arch)
        rows = [row | {"attention_mask": [1] * len(row["input_ids"])} for row in train_rows]
        held_out = [row | {"attention_mask": [1] * len(row["input_ids"])} for row in validation_rows]
        held_out.sort(key=lambda row: len(row["input_ids"]), reverse=True)
        super().__init__(model, args, collator, rows, held_out, processing_class=tokenizer)
        self.model_accepts_loss_kwargs = True  # makes Trainer count the labels of an accumulated batch
        self.remove_callback(PrinterCallback)
        self.add_callback(Evenly(self.sampler))
        self.add_callback(Stepped(self.companion))
        self.add_callback(watch)

    def _get_train_sampler(self, train_dataset=None):
        return self.sampler

    def log(self, logs, start_time=None):
        """Adds real tokens per second of optimizer steps and the seconds left to each training loss."""
        if "loss" in logs:
            spent = self.clock.spent("train")
            rate = float(self.seen) / max(spent - self.since, 1e-9)
            self.seen, self.since = 0, spent
            logs |= {"tokens_per_second": rate, "seconds_left": self.watch.seconds_left(self.state)}
        super().log(logs, start_time)

    def compute_loss(self, model, inputs, num_items_in_batch=None):
        self.seen = self.seen + families.batch_tokens(inputs, self.arch)
        total, labels = families.loss(model, inputs, self.arch)
        loss = total / (labels if num_items_in_batch is None else num_items_in_batch)
        if not torch.isfinite(loss):
            raise InputError(diverged("loss", loss.item(), self.state.global_step + 1))
        penalty = self.companion.penalty() / self.current_gradient_accumulation_steps
        return loss + (penalty - penalty.detach())  # its gradient, and the loss's own value for the curve

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"):
        """Mean cross entropy of all validation labels; every label counts the same, whatever its batch."""
        with self.clock.phase("validation"), torch.no_grad(), self.accelerator.autocast():
            self.model.eval()
            total = labels = 0
            for batch in self.get_eval_dataloader(eval_dataset):
                batch_total, batch_labels = families.loss(self.model, self._prepare_inputs(batch), self.arch)
                total, labels = total + batch_total.cpu().double(), labels + batch_labels.cpu()
            metrics = {"eval_loss": (total / labels).item()}
        if not math.isfinite(metrics["eval_loss"]):
            raise InputError(diverged("validation loss", metrics["eval_loss"], self.state.global_step))
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    # Checkpoints: what is trained, by parameter name, whatever the method; Trainer adds optimizer, schedule and
    # random state. Trainer's own way for adapters differs by kind and fails to reload some (peft #2256).

    def _save(self, output_dir=None, state_dict=None):
        folder = Path(output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        trained = {name: p.detach().contiguous() for name, p in self.model.named_parameters() if p.requires_grad}
        save_file(trained, folder / "trained.safetensors")
        save_file(self.companion.state(), folder / "companion.safetensors")
        (folder / "clock.json").write_text(json.dumps([self.clock.seconds, self.clock.peak_bytes]))

    def _save_checkpoint(self, model, trial):
        with self.clock.phase("checkpoint"):
            super()._save_checkpoint(model, trial)

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        parameters = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, value in load_file(Path(resume_from_checkpoint) / "trained.safetensors").items():
                parameters[name].copy_(value)
        kept = load_file(Path(resume_from_checkpoint) / "companion.safetensors", device=str(self.args.device))
        self.companion.restore(kept)

    def _load_best_model(self):
        self._load_from_checkpoint(self.state.best_model_checkpoint)

    def seconds_to_best(self) -> float:
        """Seconds of optimizer steps until the checkpoint that was kept."""
        seconds, _ = json.loads((Path(self.state.best_model_checkpoint) / "clock.json").read_text())
        return round(seconds["train"], 3)

    def last_checkpoint(self) -> str | None:
        """The newest whole checkpoint; what a kill left half-written or half-deleted is cleared away."""
        parts = ("trained.safetensors", "companion.safetensors", "clock.json")
        parts += ("optimizer.pt", "scheduler.pt", "rng_state.pth")
        whole = []
        for folder in sorted(Path(self.args.output_dir).glob("checkpoint-*"), key=lambda path: int(path.name[11:])):
            try:
                json.loads((folder / "trainer_state.json").read_text())  # written last
                intact = all((folder / name).exists() for name in parts)
            except (OSError, ValueError):
                intact = False
            if intact:
                whole.append(folder)
            else:
                shutil.rmtree(folder)
        if not whole:
            return None
        seconds, peaks = json.loads((whole[-1] / "clock.json").read_text())
        self.clock.seconds |= {name: value for name, value in seconds.items() if name != "load"}
        self.clock.peak_bytes |= {name: value for name, value in peaks.items() if name != "load"}
        self.since = self.clock.spent("train")
        return str(whole[-1])


def diverged(name: str, value: float, step: int) -> str:
    return f"the {name} became {value} at step {step}: lower this method's learning_rate, or set train.precision=fp32"


class LengthGrouped(torch.utils.data.Sampler):
    """Batches of similar lengths in random order; epoch e has the same order in every run, resumed or not."""

    def __init__(self, lengths: list[int], batch_size: int, seed: int):
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self):
        generator = torch.Generator().manual_seed(self.seed * 10_007 + self.epoch)
        return iter(get_length_grouped_indices(self.lengths, self.batch_size, generator=generator))


class Evenly(TrainerCallback):
    """Tells the sampler its epoch, and closes the books (log, evaluate, save) together and at the last step.

    Were a checkpoint taken between two logs, a resumed run would log another mean than an uninterrupted one.
    """

    def __init__(self, sampler: LengthGrouped):
        self.sampler = sampler

    def on_epoch_begin(self, args, state, control, **kwargs):
        self.sampler.epoch = int(state.epoch + 1e-9)

    def on_step_end(self, args, state, control, **kwargs):
        if control.should_save or state.global_step >= state.max_steps:
            control.should_log = control.should_evaluate = control.should_save = True
        return control


class Stepped(TrainerCallback):
    """Tells a method's companion of each optimizer step."""

    def __init__(self, companion: methods.Companion):
        self.companion = companion

    def on_optimizer_step(self, args, state, control, **kwargs):
        self.companion.stepped(state.global_step + 1)
