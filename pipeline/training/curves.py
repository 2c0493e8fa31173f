"""What a training shows of itself: its curves through DVCLive, and how far it is in a terminal or a log."""

import sys
import time
from pathlib import Path

from transformers import TrainerCallback

CURVES = {"loss": "train/loss", "learning_rate": "train/learning_rate", "eval_loss": "validation/loss"}
SPEED = {"tokens_per_second": "tokens_per_second", "seconds_left": "seconds_left"}


class Watch(TrainerCallback):
    """Losses and learning rate go to `curves`, real tokens per second and the seconds left to `speed`.

    Two folders, for two runs on one machine have the same curves, byte by byte, and never the same speed. A resumed
    run writes again what it had logged before, for DVC empties a stage's outputs when it starts. In a terminal a bar
    is shown, in a log a line for each validation and otherwise one every ten seconds.
    """

    def __init__(self, label: str, curves: Path, speed: Path):
        self.label, self.folders = label, {curves: CURVES, speed: SPEED}
        self.bar, self.shown = None, 0.0

    def on_train_begin(self, args, state, control, **kwargs):
        from dvclive import Live

        self.begun, self.first = time.monotonic(), state.global_step
        self.lives = {
            Live(str(folder), save_dvc_exp=False, dvcyaml=None, monitor_system=False): names
            for folder, names in self.folders.items()
        }
        for entry in state.log_history:
            self._write(entry)
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc=self.label, dynamic_ncols=True)

    def on_step_end(self, args, state, control, **kwargs):
        if self.bar:
            self.bar.update()

    def on_log(self, args, state, control, logs=None, **kwargs):
        self._write(state.log_history[-1])
        line = describe(logs)
        if self.bar:
            self.bar.write(f"step {state.global_step}: {line}", file=sys.stderr)
        elif line and ("eval_loss" in logs or time.monotonic() - self.shown > 10):
            self.shown = time.monotonic()
            print(f"{self.label}: step {state.global_step}/{state.max_steps}, epoch {state.epoch:.2f}: {line}")

    def on_train_end(self, args, state, control, **kwargs):
        for live in self.lives:
            live.end()
        if self.bar:
            self.bar.close()

    def seconds_left(self, state) -> float:
        """As long as the steps so far have taken, validations and checkpoints among them."""
        done = max(state.global_step - self.first, 1)
        return (time.monotonic() - self.begun) / done * (state.max_steps - state.global_step)

    def _write(self, entry: dict):
        for live, names in self.lives.items():
            live.step = entry["step"]
            for key, name in names.items():
                if key in entry:
                    live.log_metric(name, entry[key])
            live.make_summary()


def describe(logs: dict) -> str:
    """A line of the log: what a person watches a training for."""
    parts = []
    if "loss" in logs:
        parts += [f"loss {logs['loss']:.4g}", f"learning rate {logs['learning_rate']:.3g}"]
        parts += [f"{logs['tokens_per_second']:,.0f} tokens/s", f"{duration(logs['seconds_left'])} left"]
    if "eval_loss" in logs:
        parts.append(f"validation loss {logs['eval_loss']:.4g}")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as a person says them: 42 s, 3 min, 2 h 5 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
