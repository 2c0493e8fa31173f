"""Requests per second and latencies of `python -m pipeline.serve`, against one request at a time and a plain loop.

    python -m benchmarks.serving
    python -m benchmarks.serving --requests 1000 --clients 16 --methods lora,prompt_tuning

It runs from the project's folder after `dvc repro`: the requests are the calls of test, in turn to each method. The
loop answers each call alone, by `generate`'s own code. All three take turns for --rounds rounds; the ratios are of
medians. Texts that differ from the loop's are counted.
"""

import argparse
import asyncio
import contextlib
import io
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import prepare_process
from pipeline.core.params import read_section
from pipeline.core.paths import Paths
from pipeline.core.runs import run_name
from pipeline.parameters.runs import SeedsOf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", help="default: all of params.yaml")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--alone", type=int, default=50, help="requests one at a time, and of the loop (%(default)s)")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-batch", type=int, default=32)
    arguments = parser.parse_args()
    prepare_process()
    paths, seeds_of = Paths(), read_section("seeds_of", SeedsOf)
    methods = arguments.methods.split(",") if arguments.methods else list(seeds_of)
    task = read_section("task", dict)
    calls = files.read_jsonl(paths.records("test"))
    work = [(methods[number % len(methods)], calls[number % len(calls)]) for number in range(arguments.requests)]
    alone = work[: arguments.alone]
    predictors = load(paths, methods, seeds_of)
    expected = expected_texts(predictors, work)
    with_server = Server(methods, arguments.max_batch)
    try:
        rates: dict[str, list[float]] = {"loop": [], "one at a time": [], f"{arguments.clients} clients": []}
        latencies: list[float] = []
        wrong = 0
        for number in range(arguments.rounds):
            begun = time.perf_counter()
            for name, call in alone:
                quietly(predictors[name], [call])
            rates["loop"].append(len(alone) / (time.perf_counter() - begun))
            for title, some, clients in (("one at a time", alone, 1), (list(rates)[2], work, arguments.clients)):
                begun = time.perf_counter()
                found = asyncio.run(with_server.ask(some, clients, task["source"]))
                rates[title].append(len(some) / (time.perf_counter() - begun))
                if clients > 1:
                    latencies += [seconds for _, seconds in found]
                wrong += sum(text != expected[name, call["id"]] for (name, call), (text, _) in zip(some, found))
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
        report(rates, latencies, wrong, arguments)
        print(with_server.batches())
    finally:
        with_server.stop()


def load(paths: Paths, methods: list[str], seeds_of: SeedsOf) -> dict[str, Any]:
    """What answers as `generate` does, by method."""
    from pipeline.inference.predictor import Predictor
    from pipeline.inference.settings import current

    settings = current(paths)
    runs = {name: run_name(name, next(iter(seeds_of[name]), None)) for name in methods}
    return {name: Predictor(settings, paths.base_model, paths.tuned_model(run)) for name, run in runs.items()}


def quietly(predictor: Any, calls: list[dict[str, Any]]) -> list[str]:
    """The texts of these calls, without progress."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        texts: list[str] = predictor.write(calls, "")
    return texts


def expected_texts(predictors: dict[str, Any], work: list[tuple[str, Any]]) -> dict[tuple[str, str], str]:
    """The text of `generate` for each method and call that is asked for."""
    texts: dict[tuple[str, str], str] = {}
    for name, predictor in predictors.items():
        calls = list({call["id"]: call for method, call in work if method == name}.values())
        texts |= {(name, call["id"]): text for call, text in zip(calls, quietly(predictor, calls))}
    return texts


class Server:
    """The server as a process of its own, on a free port."""

    def __init__(self, methods: list[str], max_batch: int) -> None:
        import socket

        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "pipeline.serve", ",".join(methods), "--port", str(self.port)]
        self.process = subprocess.Popen([*command, "--max-batch", str(max_batch)], stderr=subprocess.DEVNULL)
        self.wait()

    def wait(self) -> None:
        import httpx

        for _ in range(600):
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/health").raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise TimeoutError("the server did not start")

    async def ask(self, work: list[tuple[str, Any]], clients: int, source: str) -> list[tuple[str, float]]:
        """The text and the seconds of each request, `clients` of them at once."""
        import aiohttp

        queue, found = list(enumerate(work))[::-1], [("", 0.0)] * len(work)

        async def client(session: aiohttp.ClientSession) -> None:
            while queue:
                number, (name, call) = queue.pop()
                begun = time.perf_counter()
                body = {"model": name, "prompt": call[source], "input_id": call["id"], "shorten": True}
                async with session.post(f"http://127.0.0.1:{self.port}/v1/completions", json=body) as response:
                    answer = await response.json()
                found[number] = answer["choices"][0]["text"], time.perf_counter() - begun

        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(client(session) for _ in range(clients)))
        return found

    def batches(self) -> str:
        """Mean rows of a batch, and how many batches had several methods."""
        import httpx

        lines = httpx.get(f"http://127.0.0.1:{self.port}/metrics").text.splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("serve_") and "{" not in line)
        count, rows = float(values["serve_batch_rows_count"]), float(values["serve_batch_rows_sum"])
        mixed = float(values["serve_mixed_batches_total"])
        return (
            f"{rows / count:.1f} requests in a batch on average; {mixed / count:.0%} of the batches had several methods"
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def report(rates: dict[str, list[float]], latencies: list[float], wrong: int, arguments: argparse.Namespace) -> None:
    medians = {title: statistics.median(values) for title, values in rates.items()}
    print("| | requests/s | times the loop |\n| --- | ---: | ---: |")
    for title, rate in medians.items():
        print(f"| {title} | {rate:.1f} | {rate / medians['loop']:.1f} |")
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    print(
        f"latency with {arguments.clients} clients: "
        + ", ".join(f"{p} % {1000 * cuts[p - 1]:.0f} ms" for p in (50, 95, 99))
    )
    print(f"texts that differ from the loop's: {wrong}")


if __name__ == "__main__":
    if not Path("params.yaml").exists():
        sys.exit("run it from the project's folder")
    main()
