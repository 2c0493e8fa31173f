"""Memory of a process in full fine-tuning: alone, with the model in each process (DDP), and with it shared out (FSDP).

    python -m benchmarks.process_memory [--shape smollm2_135m] [--processes 2 4]

Random weights, fp32, batches of 8 short examples. Resident memory after the second optimizer step, once freed memory is
given back to the system; the largest of the processes, which torchrun starts on this machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from benchmarks.shapes import SHAPES, random_model, shape
from benchmarks.train_speed import Case, random_examples
from pipeline.core.cli import prepare_process
from pipeline.core.params import parse_section, read_params
from pipeline.methods.base import MethodHooks
from pipeline.models import processes, sharding
from pipeline.models.architectures.causal import Causal
from pipeline.models.architectures.seq2seq import Seq2Seq
from pipeline.models.loading import load_tokenizer
from pipeline.models.resource_monitor import ResourceMonitor, give_back_freed_memory
from pipeline.parameters.train import Train
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.curves import Curves
from pipeline.training.loop import MethodTrainer
from tests import tiny

STEPS, BATCH, LENGTH = 2, 8, 64


class Finished(Exception):
    pass


class Stop(MethodHooks):
    """Ends the training after some steps, with gradients and optimizer states in memory."""

    def after_optimizer_step(self, step: int) -> None:
        if step == STEPS:
            raise Finished


def measure(name: str, folder: Path) -> None:
    """Train in this process, which may be one of several; the first one prints the MiB before the model and after."""
    processes.join()
    before = psutil.Process().memory_info().rss
    family = Seq2Seq if shape(name).is_encoder_decoder else Causal
    tokenizer = load_tokenizer(folder)
    examples = random_examples(BATCH * STEPS, LENGTH, tokenizer, family)
    case, model = Case(name, "full", examples, tokenizer), random_model(name, tokenizer)
    trainer = MethodTrainer(
        model,
        Stop,
        examples,
        examples[:1],
        params=case.params(),
        train=parse_section(read_params()["train"] | {"batch_size": BATCH}, Train, "train"),
        precision="fp32",
        seed=1,
        checkpoints=Checkpoints(folder / "checkpoints"),
        curves=Curves("benchmark", folder / "curves", folder / "speed"),
        monitor=ResourceMonitor(),
        sharded=sharding.is_asked_for(),
    )
    try:
        trainer.train()
    except Finished:
        give_back_freed_memory()
    found = processes.gather((before, psutil.Process().memory_info().rss))
    if processes.is_first():
        print(*(round(max(values) / 2**20) for values in zip(*found)))


def run(name: str, folder: Path, count: int, sharded: bool) -> int:
    """Start so many processes, which find a tokenizer in the folder; prints and returns the MiB of the largest."""
    command = ["-m", "benchmarks.process_memory", "--shape", name, "--worker", str(folder)]
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(count)] if count > 1 else []
    environment = os.environ | {"OMP_NUM_THREADS": "1", sharding.ASKED_FOR: str(sharded).lower()}
    done = subprocess.run([sys.executable, *launcher, *command], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    before, after = done.stdout.split()[-2:]
    kind = "alone" if count == 1 else f"{'FSDP' if sharded else 'DDP'}, {count} processes"
    print(f"{name}, full, {kind}: {after} MiB a process, {before} of them libraries", flush=True)
    return int(after)


def write_tokenizer(folder: Path) -> Path:
    """A small one; returns the folder."""
    tiny.tokenizer(tiny.texts(), "seq2seq", 4096).save_pretrained(folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="smollm2_135m", help="default: %(default)s")
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 4], help="default: 2 4")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    prepare_process()
    if options.worker:
        measure(options.shape, options.worker)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = write_tokenizer(Path(made))
        run(options.shape, folder, 1, sharded=False)
        for count in options.processes:
            for sharded in (False, True):
                run(options.shape, folder, count, sharded)


if __name__ == "__main__":
    main()
