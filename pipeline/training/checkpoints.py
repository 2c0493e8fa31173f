"""Checkpoints of a training: safetensors and JSON, written whole or not at all, and no pickles."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from pipeline.core.errors import InputError
from pipeline.core.messages import first_line
from pipeline.models import processes
from pipeline.models.sharding import from_own_part, is_sharded, own_part
from pipeline.models.tuned import load_parameters, trained_parameters


class Checkpoints:
    """The folder of one training's checkpoints, `step-N` each.

    A checkpoint is written under another name and renamed when it is complete, so one that a kill cut short is never
    taken for a whole one. Only the newest and the best are kept. Several processes have one folder, which the first of
    them writes; of a network that is shared out (pipeline/models/sharding.py) each writes its own part into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if processes.is_first():
            for torn in folder.glob("*.partial"):
                shutil.rmtree(torn)

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step}"

    def newest(self) -> Path | None:
        """The checkpoint with the highest step, if there is any."""
        return max(self.folder.glob("step-*"), key=lambda path: int(path.name.removeprefix("step-")), default=None)

    def save(self, step: int, network: Any, optimizer: Any, hooks: dict[str, Any], progress: dict[str, Any]) -> None:
        """Write a checkpoint: trained weights, optimizer, the method's own state, `progress`, and each random state."""
        states = processes.gather(random_state())
        folder = self.folder / f"step-{step}.partial"
        if processes.is_first():
            folder.mkdir(parents=True, exist_ok=True)
        processes.wait()
        tensors, scalars = flatten_optimizer_state(optimizer)
        if processes.is_first() or is_sharded(network):
            trained = {name: own_part(value.detach()) for name, value in trained_parameters(network).items()}
            save_file({name: value.contiguous() for name, value in trained.items()}, part(folder, "trained", network))
            save_file(tensors, part(folder, "optimizer", network))
        processes.wait()
        if processes.is_first():
            save_file(hooks, folder / "hooks.safetensors")
            random = {f"{number}/{name}": value for number, state in enumerate(states) for name, value in state.items()}
            save_file(random, folder / "random.safetensors")
            (folder / "progress.json").write_text(json.dumps({**progress, "optimizer": scalars}))
            folder.rename(self.path(step))
        processes.wait()

    def prune(self, keep: set[int]) -> None:
        """Delete the checkpoints of all other steps."""
        for path in self.folder.glob("step-*") if processes.is_first() else []:
            if path not in {self.path(step) for step in keep}:
                shutil.rmtree(path)

    def remove(self) -> None:
        """Delete the folder, in one step first, so that a kill leaves no half of it under its name."""
        done = self.folder.rename(self.folder.with_suffix(".done"))
        shutil.rmtree(done)


def part(folder: Path, name: str, network: Any) -> Path:
    """The file of a checkpoint that this process writes and reads: its own where the network is shared out."""
    return folder / (f"{name}-{processes.number()}.safetensors" if is_sharded(network) else f"{name}.safetensors")


def restore_weights(path: Path, network: Any, device: Any) -> dict[str, Any]:
    """Put a checkpoint's trained weights into the network; returns the state of the method's hooks."""
    with explain_damaged_checkpoint(path):
        load_parameters(network, part(path, "trained", network))
        return load_file(path / "hooks.safetensors", device=str(device))


def restore_training(path: Path, network: Any, optimizer: Any) -> dict[str, Any]:
    """Restore optimizer and random state; returns the `progress` that was saved."""
    with explain_damaged_checkpoint(path):
        progress = json.loads((path / "progress.json").read_text())
        tensors = load_file(part(path, "optimizer", network))
        restore_optimizer_state(optimizer, tensors, progress.pop("optimizer"))
        states, number = load_file(path / "random.safetensors"), processes.number()
        torch.set_rng_state(states[f"{number}/cpu"])
        if torch.cuda.is_available() and f"{number}/cuda" in states:
            torch.cuda.set_rng_state(states[f"{number}/cuda"])
    return progress


@contextlib.contextmanager
def explain_damaged_checkpoint(path: Path) -> Iterator[None]:
    """Whatever reading a checkpoint raises becomes an InputError that says which folder to delete."""
    try:
        yield
    except Exception as error:  # OSError, KeyError, SafetensorError and others
        if isinstance(error, MemoryError | torch.OutOfMemoryError):
            raise
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise InputError(
            f"{path}: a checkpoint that cannot be read ({reason}); delete {path.parent} to train from the start"
        ) from error


def random_state() -> dict[str, Any]:
    """Of this process."""
    states = {"cpu": torch.get_rng_state()}
    return states | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def flatten_optimizer_state(optimizer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """An optimizer's state as tensors and as plain values, by "parameter/key"; parameters by their number.

    Of a network that is shared out, this process's part.
    """
    tensors: dict[str, Any] = {}
    scalars: dict[str, Any] = {}
    for number, values in optimizer.state_dict()["state"].items():
        for key, value in values.items():
            (tensors if torch.is_tensor(value) else scalars)[f"{number}/{key}"] = value
    return {name: own_part(value).contiguous() for name, value in tensors.items()}, scalars


def restore_optimizer_state(optimizer: Any, tensors: dict[str, Any], scalars: dict[str, Any]) -> None:
    """The reverse of `flatten_optimizer_state`; learning rates are the scheduler's."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, value in [*tensors.items(), *scalars.items()]:
        number, _, key = name.partition("/")
        whole = from_own_part(value, parameters[int(number)]) if torch.is_tensor(value) else value
        state.setdefault(int(number), {})[key] = whole
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
