"""Latency: seconds per prompt and tokens per second at batch size 1 and in one full batch.

The same prompts for every method, evenly spread by length. At batch size 1 the median of several repeats counts, after
a warm-up; the full batch runs once. A batch ends with all of its tokens on the CPU, so nothing is still running when
the clock stops.
"""

import statistics
import time
from collections.abc import Callable, Iterable

from pipeline.inference.decoding import configure_decoding, generate_answers
from pipeline.models.architectures.base import LanguageModel
from pipeline.parameters.generate import Generate


def measure_latency(
    variants: dict[str, LanguageModel], prompts: list[list[int]], params: Generate
) -> dict[str, object]:
    """The latency of each variant of a model ("merged", "unmerged", "as it is").

    Returns `prompts`, how many ran at batch size 1, and for each variant "VARIANT, batch N" with `time_generation`'s
    figures.
    """
    lengths = [len(prompt) for prompt in prompts]
    single = [prompts[number] for number in spread_by_length(lengths, params.latency.prompts)]
    batch = [prompts[number] for number in spread_by_length(lengths, params.batch_size)]
    figures: dict[str, object] = {"prompts": len(single)}
    for name, model in variants.items():

        def generate(chosen: list[list[int]], size: int, model: LanguageModel = model) -> list[list[int]]:
            config = configure_decoding(model, params)
            answers = generate_answers(model, chosen, config, size, params.precision)
            return [answer.ids for _, answer, _ in answers]

        figures[f"{name}, batch 1"] = time_generation(lambda: generate(single, 1), params.latency.repeats)
        if len(batch) > 1:
            whole = time_generation(lambda: generate(batch, len(batch)), repeats=1, warm=True)
            figures[f"{name}, batch {len(batch)}"] = whole
    return figures


def spread_by_length(lengths: list[int], count: int) -> list[int]:
    """The numbers of `count` prompts, evenly spread from the shortest to the longest."""
    order = sorted(range(len(lengths)), key=lambda number: (lengths[number], number))
    if count >= len(order):
        return order
    return [order[number * (len(order) - 1) // max(1, count - 1)] for number in range(count)]


def time_generation(generate: Callable[[], Iterable[list[int]]], repeats: int, warm: bool = False) -> dict[str, float]:
    """Median seconds per prompt and new tokens per second; `generate` returns the new tokens of each prompt.

    A first run that does not count warms up what is not `warm`.
    """
    seconds, answers = [], [] if warm else list(generate())
    for _ in range(repeats):
        began = time.perf_counter()
        answers = list(generate())
        seconds.append(time.perf_counter() - began)
    median = statistics.median(seconds)
    return {
        "seconds_per_prompt": round(median / len(answers), 4),
        "tokens_per_second": round(sum(map(len, answers)) / median, 1),
    }
