"""What every judge has."""

from abc import ABC, abstractmethod
from typing import NamedTuple


class Output(NamedTuple):
    """A text and the number of the test example that it is an output for."""

    example: int
    text: str


class Judge(ABC):
    @abstractmethod
    def judge(self, outputs: list[Output], label: str) -> list[float]:
        """A number for each output: more is better. `label` names the progress."""
