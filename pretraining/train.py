"""Pretrain the bundled base: tokenizer, then copying drills, then the instruction mixture.

    python -m pretraining.train

The recipe is recipe.yaml. An interrupted run resumes from its checkpoint.
"""

import argparse
import math
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import yaml
from transformers import GenerationConfig, PreTrainedTokenizerFast

from pretraining.drills import drill
from pretraining.mixture import example
from pretraining.model import build
from pretraining.tokenizer import SENTINELS, train_tokenizer

POOL = 512  # examples that are drawn, sorted by length and cut into batches together
Row = tuple[list[int], list[int]]


def recipe() -> SimpleNamespace:
    """The settings of recipe.yaml."""
    return SimpleNamespace(**yaml.safe_load((Path(__file__).parent / "recipe.yaml").read_text()))


def collate(rows: list[Row], pad: int) -> dict[str, torch.Tensor]:
    """Padded source ids with their mask, and labels whose padding is ignored."""

    def padded(sequences: list[list[int]], value: int) -> torch.Tensor:
        longest = max(map(len, sequences))
        return torch.tensor([ids + [value] * (longest - len(ids)) for ids in sequences])

    ids = padded([source for source, _ in rows], pad)
    return {"input_ids": ids, "attention_mask": (ids != pad).long(), "labels": padded([row[1] for row in rows], -100)}


class Batches:
    """One worker's batches: which share of whole calls and which drills they hold follows the run's progress."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, settings: SimpleNamespace, worker: int) -> None:
        self.tokenizer, self.settings, self.worker = tokenizer, settings, worker
        self.pieces = list(range(3 + SENTINELS, len(tokenizer)))

    def restart(self, step: int) -> None:
        """Begin at a step, with the same draws as a run that began earlier."""
        self.rng = random.Random(f"{self.settings.seed} {self.worker} {step}")
        self.waiting: Iterator[list[Row]] = iter(())

    def next(self, progress: float, drilling: bool) -> list[Row]:
        if drilling:
            return self._drills(progress)
        batch = next(self.waiting, None)
        if batch is None:
            self.waiting = iter(self._mixture(progress))
            batch = next(self.waiting)
        return batch

    def _drills(self, progress: float) -> list[Row]:
        longest = int(min(40, 12 + 60 * max(0.0, progress - self.settings.drill_steps / self.settings.steps)))
        count = max(32, self.settings.batch_tokens // (2 * longest + 16))
        return [drill(self.rng, self.pieces, self.tokenizer.eos_token_id, longest) for _ in range(count)]

    def _mixture(self, progress: float) -> list[list[Row]]:
        first, last = self.settings.whole
        whole = first + (last - first) * min(1.0, progress / 0.7)
        pairs = [example(self.rng, whole) for _ in range(POOL)]
        sources = self.tokenizer([source for source, _ in pairs]).input_ids
        targets = self.tokenizer([target for _, target in pairs]).input_ids
        batches: list[list[Row]] = [[]]
        for row in sorted(zip(sources, targets), key=lambda row: (len(row[0]), len(row[1]))):
            if (len(row[0]) + len(row[1])) * (len(batches[-1]) + 1) > self.settings.batch_tokens and batches[-1]:
                batches.append([])
            batches[-1].append(row)
        self.rng.shuffle(batches)
        return batches


def weighted_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy in which an answer weighs as the root of its length.

    By tokens alone a form outweighs a yes or no twenty times, and the short answers are hardly learned.
    """
    each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")  # 0 where ignored
    answered = labels != -100
    weights = answered / answered.sum(dim=1, keepdim=True).sqrt()
    return (each * weights).sum() / weights.sum()


def optimizer(model: torch.nn.Module, settings: SimpleNamespace) -> torch.optim.Optimizer:
    """AdamW; embeddings and relative position biases have learning rates of their own."""
    rates = {"shared": settings.embedding_rate, "relative_attention_bias": settings.bias_rate}
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        rate = next((rate for part, rate in rates.items() if part in name), 1.0)
        groups.setdefault(rate, []).append(parameter)
    return torch.optim.AdamW(
        [{"params": parameters, "lr": settings.learning_rate * rate} for rate, parameters in groups.items()],
        betas=(0.9, 0.98),
        weight_decay=0.0,
        fused=True,
    )


def schedule(step: int, settings: SimpleNamespace) -> float:
    """What the learning rates are multiplied by."""
    progress = step / settings.steps
    decay = 1.0 if progress < 1 / 3 else 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (1.5 * progress - 0.5)))
    return min(1.0, (step + 1) / settings.warmup_steps) * decay


def share_gradients(model: torch.nn.Module) -> None:
    """Every worker's gradients become the mean of all."""
    gradients = [parameter.grad for parameter in model.parameters()]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients])):
        gradient.copy_(mean.view_as(gradient))


def work(worker: int, settings: SimpleNamespace, folder: Path, checkpoint: Path, until: int) -> None:
    """One worker's share of the training; the first one reports, and saves the model."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder / 'rendezvous'}", rank=worker, world_size=settings.workers
    )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = build(tokenizer, settings.shape, settings.seed)
    model.set_attn_implementation("eager")
    optimize = optimizer(model, settings)
    rates = torch.optim.lr_scheduler.LambdaLR(optimize, lambda step: schedule(step, settings))
    batches, start = Batches(tokenizer, settings, worker), 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(state["model"])
        optimize.load_state_dict(state["optimizer"])
        rates.load_state_dict(state["rates"])
        start = state["step"]
    model.train()
    forward = torch.compile(model, dynamic=True) if settings.compile else model
    began, running = time.monotonic(), {True: float("nan"), False: float("nan")}
    for step in range(start, until):
        if step % settings.checkpoint_steps == 0:
            batches.restart(step)
        progress = step / settings.steps
        share = settings.drill_share * max(0.0, 1 - progress / 0.6)
        drilling = step < settings.drill_steps or random.Random(f"{settings.seed} {step}").random() < share
        inputs = collate(batches.next(progress, drilling), tokenizer.pad_token_id)
        with torch.autocast("cpu", torch.bfloat16):
            logits = forward(**inputs).logits
        loss = weighted_loss(logits.float(), inputs["labels"])
        loss.backward()
        share_gradients(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        optimize.step()
        rates.step()
        optimize.zero_grad(set_to_none=True)
        before = running[drilling]
        running[drilling] = loss.item() if math.isnan(before) else 0.98 * before + 0.02 * loss.item()
        if worker == 0 and (step + 1) % 100 == 0:
            seconds = time.monotonic() - began
            left = seconds / (step + 1 - start) * (settings.steps - step - 1)
            print(
                f"step {step + 1}/{settings.steps}, loss {running[False]:.3f}, drills {running[True]:.3f}, "
                f"{seconds / 60:.1f} min, about {left / 60:.0f} min left",
                flush=True,
            )
        if worker == 0 and (step + 1) % settings.checkpoint_steps == 0:
            state = {"model": model.state_dict(), "optimizer": optimize.state_dict(), "rates": rates.state_dict()}
            torch.save({**state, "step": step + 1}, checkpoint.with_suffix(".part"))
            os.replace(checkpoint.with_suffix(".part"), checkpoint)
    if worker == 0 and until == settings.steps:
        save(model, folder)
    dist.barrier()
    dist.destroy_process_group()


def save(model: Any, folder: Path) -> None:
    """The model as bf16 safetensors, half the bytes of fp32, with the settings to generate by."""
    model.generation_config = GenerationConfig(
        decoder_start_token_id=model.config.decoder_start_token_id,
        eos_token_id=model.config.eos_token_id,
        pad_token_id=model.config.pad_token_id,
        max_new_tokens=80,
    )
    model.to(torch.bfloat16).save_pretrained(folder)


def pretrain(settings: SimpleNamespace, folder: Path, checkpoint: Path, until: int | None = None) -> None:
    """Make tokenizer and model in `folder`, from the checkpoint if there is one.

    `until` stops before that step, without a model. Raises ProcessRaisedException if a worker fails.
    """
    folder, checkpoint = folder.resolve(), checkpoint.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    (folder / "rendezvous").unlink(missing_ok=True)
    train_tokenizer(settings.vocabulary, settings.tokenizer_examples, settings.seed).save_pretrained(folder)
    try:
        mp.spawn(work, args=(settings, folder, checkpoint, until or settings.steps), nprocs=settings.workers)
    finally:
        (folder / "rendezvous").unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m pretraining.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("models/tiny_t5"))
    parser.add_argument("--checkpoint", type=Path, default=Path("models/checkpoints/pretraining.pt"))
    arguments = parser.parse_args()
    pretrain(recipe(), arguments.output, arguments.checkpoint)
    arguments.checkpoint.unlink()


if __name__ == "__main__":
    main()
