"""Everything that is worth measuring on a GPU, in one call of some minutes:

    python -m benchmarks.gpu [FOLDER] [--parts memory equal train generation]

Needs a project whose data is ready (`dvc repro tokenize`), an environment with a build of torch for the GPU, and no
network. Each command's output goes to a file of FOLDER, its end to the screen; the others go on where one fails.
Equality is measured four commands at a time, memory two (more could fill the GPU), speed alone.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

SHAPES = ("flan_t5_base", "smollm2_135m")
METHODS = ("full", "lora", "prompt_tuning")


def commands(part: str) -> dict[str, str]:
    """Name -> module and arguments."""
    if part == "memory":  # the plan beside measured peaks
        plain = {
            f"memory-{shape}-{method}": f"plan_memory --shape {shape} --methods {method} --batches 8,64"
            for shape in SHAPES
            for method in METHODS
        }
        smaller = {
            f"memory-{shape}-{base}": f"plan_memory --shape {shape} --methods lora --batches 64 --base-weights {base}"
            for shape in SHAPES
            for base in ("bf16", "8bit", "4bit")
        }
        return plain | smaller
    if part == "equal":  # whether equal runs leave equal bytes
        return {f"equal-{run}": f"equal_runs {run}" for run in ("full-17", "lora-17", "prompt_tuning-17")}
    if part == "train":  # tokens a second and the share of a bare product, for batches of 32 x 512
        measured = "--alone --batch-size 32 --length 512 --steps 23 --rounds 2"
        return {
            f"train-{shape}-{method}": f"train_speed --shape {shape} --method {method} {measured}"
            for shape in SHAPES
            for method in METHODS
        }
    return {  # tokens a second, and whether batches write what single prompts do
        f"generation-{shape}": f"generation_speed --shape {shape} --prompts 64 --batch-sizes 16 64 --rounds 1"
        for shape in SHAPES
    }


def run(name: str, command: str, folder: Path) -> int:
    """Run one command and show the end of its output; returns its exit code."""
    began = time.perf_counter()
    arguments = [sys.executable, "-m", *f"benchmarks.{command}".split()]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    (folder / f"{name}.log").write_text(done.stdout)
    lines = [line for line in done.stdout.splitlines() if line.strip() and "%|" not in line]
    kept = [line for line in lines if not re.search(r"warn", line, re.IGNORECASE)]
    ended = f"code {done.returncode}, " if done.returncode else ""
    print(f"== {command} ({ended}{time.perf_counter() - began:.0f} s)", *kept[-8:], sep="\n", flush=True)
    return done.returncode


def main() -> None:
    parts = {"memory": 2, "equal": 4, "train": 1, "generation": 1}  # how many commands at a time
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="for all output; default: a new one in the system's")
    parser.add_argument("--parts", nargs="+", choices=list(parts), default=list(parts))
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    if not torch.cuda.is_available():
        raise SystemExit("no GPU that torch can use; `python -c 'import torch; print(torch.version.cuda)'`")
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}", flush=True)
    codes = []
    for part in options.parts:
        with ThreadPoolExecutor(parts[part]) as pool:
            codes += list(pool.map(lambda one: run(*one, folder), commands(part).items()))
    print(f"everything is in {folder}")
    if any(codes):
        raise SystemExit(f"{sum(map(bool, codes))} of {len(codes)} commands failed")


if __name__ == "__main__":
    main()
