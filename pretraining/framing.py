"""How an instruction and a text make one input."""

import random

from support_calls.questions import question_prompt

Example = tuple[str, str]


def framed(rng: random.Random, instruction: str, text: str) -> str:
    """The instruction before or after the text."""
    shape = rng.random()
    if shape < 0.5:
        return question_prompt(instruction, text)
    if shape < 0.7:
        return f"{text}\n\n{instruction}"
    return f"{instruction}\n\n{text}\n\nAnswer:"
