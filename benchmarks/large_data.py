"""Memory and speed of every stage before scoring, as the number of dialogues grows.

    python -m benchmarks.large_data [--dialogues 1000 100000] [--folder FOLDER] [--code FOLDER]

The dialogues are generated support calls: 98 % for train, 1 % each for validation and test. Every stage is a process of
its own, as `dvc repro` starts it, with the default parameters and tiny_t5. Peak memory is the largest resident size of
the process, the pages of mapped files that it touched included. Training lasts --steps optimizer steps. Rows per second
are of processor time, which other work on the machine changes less than the clock.

--code names another checkout whose stages are run, for a comparison. --folder keeps what the stages wrote.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "validation", "test")
# A stage's command, and the splits whose rows it works on.
STAGES = {
    "support_calls.write": SPLITS,
    "pipeline.download": (),
    "pipeline.convert": (),
    "pipeline.prepare": SPLITS,
    "pipeline.template": SPLITS,
    "pipeline.mix": ("train",),
    "pipeline.tokenize": SPLITS,
    "pipeline.train zero_shot": ("train",),
    "pipeline.train few_shot-17": ("train",),
    "pipeline.train lora-17": ("train",),
    "pipeline.generate zero_shot": ("test",),
}
STOPPED = "pipeline.train lora-17"
NOT_SHOWN = ("pipeline.download", "pipeline.convert")  # their work does not depend on the rows
FINISHED = os.WEXITED | os.WNOHANG | os.WNOWAIT
CURVE = Path("reports/curves/lora-17/plots/metrics/train/loss.tsv")


class Measured(NamedTuple):
    """What a stage took: seconds of the clock and of processors, and megabytes at the peak."""

    seconds: float
    processor: float
    megabytes: float


def prepare_folder(folder: Path, dialogues: int) -> dict[str, int]:
    """A folder in which stages can run; returns the rows of each split."""
    held_out = max(1, dialogues // 100)
    rows = {"train": dialogues - 2 * held_out, "validation": held_out, "test": held_out}
    folder.mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "models/tiny_t5").symlink_to(ROOT / "models/tiny_t5")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["support_calls"] |= rows
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    return rows


def measure(command: str, folder: Path, code: Path, steps: int | None) -> Measured:
    """Run a stage to its end, or until the training has done so many steps. Exits where it fails."""
    begun = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(code)}
    log = folder / f"{command.replace(' ', '-')}.log"
    with log.open("w") as output:
        words = [sys.executable, "-m", *command.split()]
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        while steps and steps_done(folder / CURVE) < steps and os.waitid(os.P_PID, process.pid, FINISHED) is None:
            time.sleep(0.2)
        if steps:
            os.kill(process.pid, signal.SIGTERM)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, -signal.SIGTERM if steps else 0):
        sys.exit(f"{command}: exit code {process.returncode}; see {log}")
    return Measured(time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def steps_done(curve: Path) -> int:
    """The last step that a training has logged."""
    lines = curve.read_text(encoding="utf-8").splitlines() if curve.exists() else []
    last = lines[-1].split("\t")[0] if lines else ""
    return int(last) if last.isdigit() else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogues", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--code", type=Path, default=ROOT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        base = options.folder or Path(temporary)
        found: dict[str, list[tuple[int, Measured]]] = {name: [] for name in STAGES if name not in NOT_SHOWN}
        for dialogues in options.dialogues:
            folder = base / str(dialogues)
            rows = prepare_folder(folder.absolute(), dialogues)
            for command, splits in STAGES.items():
                steps = options.steps if command == STOPPED else None
                one = measure(command, folder.absolute(), options.code.absolute(), steps)
                if command in found:
                    worked_on = 4 * options.steps if steps else sum(rows[split] for split in splits)  # 4 a batch
                    found[command].append((worked_on, one))
                print(f"{dialogues:,} dialogues: {command}: {one}, load {os.getloadavg()[0]:.1f}", flush=True)
    show(options.dialogues, found)


def show(dialogues: list[int], found: dict[str, list[tuple[int, Measured]]]) -> None:
    """Print a table for docs/performance.md; rows per second are those of the largest number of dialogues."""
    sizes = [f"{number:,}" for number in dialogues]
    columns = ["stage", *(f"MB, {size}" for size in sizes), "more", *(f"CPU s, {size}" for size in sizes), "rows/s"]
    print("\n| " + " | ".join(columns) + " |\n| --- |" + " --: |" * (len(columns) - 1))
    for command, measured in found.items():
        megabytes, processor = ([getattr(one, key) for _, one in measured] for key in ("megabytes", "processor"))
        rows, last = measured[-1]
        cells = [f"{value:,.0f}" for value in [*megabytes, megabytes[-1] - megabytes[0]]]
        cells += [f"{value:,.1f}" for value in processor] + [f"{rows / last.processor:,.0f}"]
        print(f"| `{command}` | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
