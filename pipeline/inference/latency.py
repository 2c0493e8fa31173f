"""Latency of several models in one process: seconds to the first token and of a whole output, in interleaved rounds.

Every model writes the same number of tokens, whatever it would say, so that seconds compare models and not lengths. A
round measures every model once, in an order of its own: what the machine does besides meets all of them alike. A batch
ends with all of its tokens on the CPU, so nothing is still running when the clock stops.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

from pipeline.inference.decoding import configure_decoding, generate_answers
from pipeline.models.architectures.base import LanguageModel
from pipeline.parameters.generate import Generate

Clock = tuple[float, float]  # wall and CPU seconds


@dataclass
class Variant:
    """A way to serve a method. load: makes its model. prompts: as its model reads them, those of all test dialogues.

    name: unique. form: `merged`, `unmerged` or `as it is`. plain: the base's own graph and prompts, so that two plain
    variants take the same time. timings: (size of the batch -> figures).
    """

    name: str
    method: str
    form: str
    load: Callable[[], LanguageModel]
    prompts: list[list[int]]
    plain: bool
    timings: dict[int, "Timings"] = field(default_factory=dict)


@dataclass
class Timings:
    """Seconds per batch, one of each round; at batch size 1 the mean over the prompts."""

    first_seconds: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    first_cpu_seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)


def measure_rounds(variants: list[Variant], params: Generate, together: bool) -> int:
    """Fill the timings of all variants; returns the size of the batch that fits for each of them.

    together: `load` gives a model that is kept. Otherwise it is loaded again in every round, and warmed up by a prompt.
    """
    size = min(warm_up(variant.load(), variant.prompts, params) for variant in variants)
    for number in range(params.latency.rounds):
        for variant in random.Random(number).sample(variants, len(variants)):
            model = variant.load()
            if not together:
                warm_up(model, [min(variant.prompts, key=len)], params)
            measure_variant(variant, model, size, params)
            del model
    return size


def warm_up(model: LanguageModel, prompts: list[list[int]], params: Generate) -> int:
    """Write for one full batch and for its first prompt alone; the size of the batch that fits in memory."""
    chosen = choose(prompts, min(params.latency.batch_size, params.batch_size))
    config = forced_length(model, params)
    sizes = [size for _, _, size in generate_answers(model, chosen, config, len(chosen), params.precision)]
    list(generate_answers(model, chosen[:1], config, 1, params.precision))
    return min(sizes)


def measure_variant(variant: Variant, model: LanguageModel, size: int, params: Generate) -> None:
    """Add one round to a variant: some prompts one by one, and one batch of `size`."""
    single = choose(variant.prompts, params.latency.prompts)
    batches = {1: [[prompt] for prompt in single]}
    if size > 1:
        batches[size] = [choose(variant.prompts, size)]
    config = forced_length(model, params)
    for count, chosen in batches.items():
        clocks = [time_batch(model, batch, config, params.precision) for batch in chosen]
        (first, first_cpu), (whole, cpu) = ([sum(each) / len(clocks) for each in zip(*parts)] for parts in zip(*clocks))
        timings = variant.timings.setdefault(count, Timings())
        timings.first_seconds.append(first)
        timings.first_cpu_seconds.append(first_cpu)
        timings.seconds.append(whole)
        timings.cpu_seconds.append(cpu)


def forced_length(model: LanguageModel, params: Generate) -> Any:
    """transformers' GenerationConfig of a text that has exactly `new_tokens` tokens."""
    config = configure_decoding(model, replace(params, max_new_tokens=new_tokens(params)))
    config.min_new_tokens = config.max_new_tokens
    return config


def new_tokens(params: Generate) -> int:
    """How many tokens every model writes."""
    return min(params.latency.new_tokens, params.max_new_tokens)


def time_batch(model: LanguageModel, batch: list[list[int]], config: Any, precision: str) -> tuple[Clock, Clock]:
    """(wall, CPU) seconds until the first token of a batch, and until its last."""
    with TokenClock(model) as clock:
        list(generate_answers(model, batch, config, len(batch), precision))
    return clock.first, clock.whole


class TokenClock:
    """Times a model that writes: its network runs once for each token, and the second run starts with the first token.

    A text of one token has no second run; its first token is its last.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model, self.runs = model, 0

    def __enter__(self) -> "TokenClock":
        self._hook = self.model.base_network.register_forward_pre_hook(self._count)
        self.began = self._now()
        return self

    def _count(self, *_: object) -> None:
        self.runs += 1
        if self.runs == 2:
            self.first = self._passed()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._hook.remove()
        self.whole = self._passed()
        if self.runs < 2:
            self.first = self.whole

    def _passed(self) -> Clock:
        wall, cpu = self._now()
        return wall - self.began[0], cpu - self.began[1]

    def _now(self) -> Clock:
        """All that was started has ended, on a GPU too."""
        import torch

        if self.model.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()


def choose(prompts: list[list[int]], count: int) -> list[list[int]]:
    """So many of the prompts, evenly spread by length."""
    lengths = [len(prompt) for prompt in prompts]
    return [prompts[number] for number in spread_by_length(lengths, count)]


def spread_by_length(lengths: list[int], count: int) -> list[int]:
    """The numbers of `count` prompts, evenly spread from the shortest to the longest."""
    order = sorted(range(len(lengths)), key=lambda number: (lengths[number], number))
    if count >= len(order):
        return order
    return [order[number * (len(order) - 1) // max(1, count - 1)] for number in range(count)]
