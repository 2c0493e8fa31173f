"""What a training shows of itself: its curves through DVCLive, and its progress in a terminal or a log."""

import sys
import time
from pathlib import Path
from typing import Any

from pipeline.models import processes

CURVES = {"loss": "train/loss", "learning_rate": "train/learning_rate", "validation_loss": "validation/loss"}
SPEED = {"tokens_per_second": "tokens_per_second", "seconds_left": "seconds_left"}

Entry = dict[str, float]  # one entry of a training's history: step, epoch and some of the keys above


class Curves:
    """Losses and learning rate go to the folder `curves`, tokens per second and the seconds left to `speed`.

    Two folders, because two runs on one machine have the same curves, byte by byte, and never the same speed. A
    resumed run writes its whole history again, because DVC empties a stage's outputs when it starts. A terminal shows
    a bar, a log one line for each validation and otherwise one every ten seconds. Of several processes the first
    writes and shows them.
    """

    def __init__(self, label: str, curves: Path, speed: Path) -> None:
        self.label, self.first = label, processes.is_first()
        self.folders = {curves: CURVES, speed: SPEED} if self.first else {}
        self.bar: Any = None
        self.shown = 0.0

    def start(self, step: int, steps: int, history: list[Entry]) -> None:
        """Begin, or go on, at `step` of `steps`."""
        from dvclive import Live

        self.began, self.start_step, self.steps = time.monotonic(), step, steps
        self.lives = {
            Live(str(folder), save_dvc_exp=False, dvcyaml=None, monitor_system=False): names
            for folder, names in self.folders.items()
        }
        for entry in history:
            self._write(entry)
        if self.first and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=steps, initial=step, desc=self.label, dynamic_ncols=True)

    def advance(self) -> None:
        """One more optimizer step is done."""
        if self.bar:
            self.bar.update()

    def log(self, entry: Entry) -> None:
        """Write an entry of the history and show it."""
        self._write(entry)
        text = describe(entry)
        if self.bar:
            self.bar.write(f"step {entry['step']}: {text}", file=sys.stderr)
        elif "validation_loss" in entry or time.monotonic() - self.shown > 10:
            self.shown = time.monotonic()
            print(f"{self.label}: step {entry['step']}/{self.steps}, epoch {entry['epoch']:.2f}: {text}")

    def end(self) -> None:
        for live in self.lives:
            live.end()
        if self.bar:
            self.bar.close()

    def seconds_left(self, step: int) -> float:
        """Estimated from the time of the steps so far, validations and checkpoints included."""
        done = max(step - self.start_step, 1)
        return (time.monotonic() - self.began) / done * (self.steps - step)

    def _write(self, entry: Entry) -> None:
        for live, names in self.lives.items():
            live.step = entry["step"]
            for key, name in names.items():
                if key in entry:
                    live.log_metric(name, entry[key])
            live.make_summary()


def describe(entry: Entry) -> str:
    """A line of the log."""
    parts = []
    if "loss" in entry:
        parts += [f"loss {entry['loss']:.4g}", f"learning rate {entry['learning_rate']:.3g}"]
        parts += [f"{entry['tokens_per_second']:,.0f} tokens/s", f"{format_duration(entry['seconds_left'])} left"]
    if "validation_loss" in entry:
        parts.append(f"validation loss {entry['validation_loss']:.4g}")
    return ", ".join(parts)


def format_duration(seconds: float) -> str:
    """42 s, 3 min, 2 h 5 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
