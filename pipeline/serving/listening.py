"""What happens while a batch is written: text for clients that read along, and an end where nobody waits any more."""

from collections.abc import Callable
from typing import Any

from pipeline.inference.decoding import cut_at_end

HELD_BACK = 20  # characters: a word may still grow, or be joined to the next


class Listener:
    """transformers' streamer of a whole batch; `speak` gets a row's number and its token ids so far, at each step."""

    def __init__(self, rows: int, ends: set[int], speak: Callable[[int, list[int]], None]) -> None:
        self.ids: list[list[int]] = [[] for _ in range(rows)]
        self.ends, self.speak, self.begun = ends, speak, False

    def put(self, tokens: Any) -> None:
        if not self.begun:  # the prompt
            self.begun = True
            return
        for number, (written, token) in enumerate(zip(self.ids, tokens.tolist())):
            if not written or written[-1] not in self.ends:
                written.append(token)
                self.speak(number, cut_at_end(written, self.ends).ids)

    def end(self) -> None:
        pass


def settled(text: str) -> str:
    """The part of an unfinished text that further tokens do not change: not its last word, or last character."""
    text = text.rstrip("\N{REPLACEMENT CHARACTER}")  # the first bytes of a character
    space = text.rfind(" ", max(0, len(text) - HELD_BACK))
    return text[: space if space >= 0 else max(0, len(text) - 1)]


def stop_when(done: Callable[[], bool]) -> Any:
    """transformers' criterion that ends a whole batch."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Stop(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            return torch.full((len(input_ids),), done(), dtype=torch.bool, device=input_ids.device)

    return StoppingCriteriaList([Stop()])
