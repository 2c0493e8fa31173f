"""How far a loop is: a bar in a terminal, a line every ten seconds in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yield `items` unchanged and show how many of `total` are done.

    Items may arrive in batches. The time left is estimated when the first item of a batch arrives, from the batches
    before it.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=label)
        return
    start = shown = arrived = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - shown > 10 and now - arrived > 0.1 * (now - start) / done:
            left = (arrived - start) / done * (total - done) - (now - arrived)
            print(f"{label}: {done}/{total}, about {max(left, 0):.0f} s left")
            shown = now
        arrived = now
        yield item
