"""Trains several methods in one process group, one after another; a test compares what they lost with one process.

    torchrun --nproc-per-node 2 -m tests.distributed.worker FOLDER

FOLDER has cases.json, a list of `Case` as mappings, and the bases; the first process writes NAME.json of each case.
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.models import processes
from pipeline.models.tuned import trained_parameters
from tests import tiny

SENTENCES = tuple(text[: 25 + 9 * (number % 5)] for number, text in enumerate(tiny.texts()[:21]))


@dataclass(frozen=True)
class Case:
    """A training. batch_size x accumulated examples are in a step; sharded: by FSDP.

    interrupted: after this step, and continued from its last checkpoint; 0 for never.
    """

    name: str
    architecture: str
    method: str
    batch_size: int
    accumulated: int = 1
    sharded: bool = False
    interrupted: int = 0
    changes: dict[str, Any] = field(default_factory=dict)

    def run(self, folder: Path) -> dict[str, Any]:
        """Losses of steps and of validations, and the sum of the squares of each trained parameter."""
        if self.interrupted:
            tiny.interrupt_after(self.trainer(folder), self.interrupted)
        trainer = self.trainer(folder)
        history = trainer.train().history
        weights = trained_parameters(trainer.model.network)
        norms = {name: whole(value.detach()).square().sum() for name, value in weights.items()}
        return {
            "losses": [entry["loss"] for entry in history if "loss" in entry],
            "validation": [entry["validation_loss"] for entry in history if "validation_loss" in entry],
            "weights": {name: float(value) for name, value in norms.items()},
            "resumed_from": trainer.resumed_from,
        }

    def trainer(self, folder: Path) -> Any:
        return tiny.trainer(
            folder / self.architecture,
            folder / f"{self.name}-{processes.count()}",
            self.method,
            architecture=self.architecture,
            sentences=SENTENCES,
            sharded=self.sharded,
            train={"batch_size": self.batch_size, "gradient_accumulation_steps": self.accumulated},
            **self.changes,
        )


def whole(value: Any) -> Any:
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def write_cases(folder: Path, cases: list[Case]) -> None:
    (folder / "cases.json").write_text(json.dumps([asdict(case) for case in cases]))


def main(folder: Path) -> None:
    processes.join()
    for values in json.loads((folder / "cases.json").read_text()):
        case = Case(**values)
        found = case.run(folder)
        if processes.is_first():
            (folder / f"{case.name}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
