"""Time and memory of scores, baselines, comparison and report page, by the size of the test set.

    python -m benchmarks.scoring [--examples 500 1000 20000] [--systems 5] [--code FOLDER ...] [--rounds 3]

Each stage runs as a process of its own, on generated support calls with three references each and on outputs that are
references with words left out, repeated and replaced. Several checkouts of this repository (--code) take turns on the
same files, so that a ratio of theirs holds on a busy machine too. `scores, in one process` has no imports in it.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from pipeline.core import files
from pipeline.core.paths import Paths
from support_calls.write import unseen

ROOT = Path(__file__).parents[1]
WORDS = ["the", "a", "customer", "shop", "refund", "Anna", "42", "order", "because", "was", "will", "been", "running"]
IN_ONE_PROCESS = """
import sys, time
from types import SimpleNamespace
from pipeline.core.params import read_section
from pipeline.core.paths import Paths
from pipeline.evaluation.rouge_bleu import RougeBleu
from pipeline.evaluation.scoring import score_file
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task
RougeBleu(True, "en").row("a word", ["a word"])
paths, task, score = Paths(), read_section("task", Task), read_section("score", Score)
began, cpu = time.perf_counter(), time.process_time()
for name, file in score.external.items():
    score_file(paths.root / file, paths.records("test"), task, score)
print(time.perf_counter() - began, time.process_time() - cpu, file=sys.stderr)
"""


def changed(text: str, rng: random.Random, share: float) -> str:
    """The text with about that share of its words left out, repeated or replaced."""
    words: list[str] = []
    for word in text.split():
        drawn = rng.random() / share
        words += [word] if drawn > 1 else [] if drawn < 0.4 else [word, word] if drawn < 0.5 else [rng.choice(WORDS)]
    return " ".join(words) or text


def write_folder(folder: Path, examples: int, systems: int) -> None:
    """The records, the outputs of each system and params.yaml of a comparison without methods."""
    paths, rng = Paths(folder), random.Random(0)
    records = [
        {"id": f"call-{number}", "dialogue": call.text(), "references": call.references}
        for number, call in enumerate(unseen(17, "test", examples, set()))
    ]
    files.write_jsonl(paths.records("test"), records)
    names = [f"system{number}" for number in range(systems)]
    for number, name in enumerate(names):
        share = (number + 1) / (systems + 1)
        rows = [{"id": row["id"], "prediction": changed(rng.choice(row["references"]), rng, share)} for row in records]
        files.write_jsonl(folder / f"{name}.jsonl", rows)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"methods": [], "runs": {}, "seeds_of": {}, "soft_prompt_runs": {}}
    params["score"]["external"] = {name: f"{name}.jsonl" for name in names}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def run(command: list[str], folder: Path, code: Path) -> tuple[dict[str, float], str]:
    """Wall and CPU seconds and the peak memory in MB of a process, and what it wrote to its error stream."""
    environment = os.environ | {"PYTHONPATH": str(code), "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed:\n{said}")
    scale = 1e6 if sys.platform == "darwin" else 1e3
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall s": time.perf_counter() - began, "CPU s": cpu, "peak MB": usage.ru_maxrss / scale}, said


def measure(folder: Path, code: Path, systems: int) -> dict[str, dict[str, float]]:
    """What every stage takes; of the systems' scores the sum of seconds and the largest peak."""
    found: dict[str, dict[str, float]] = {}
    each = [run(["-m", "pipeline.external", f"system{number}"], folder, code)[0] for number in range(systems)]
    over: dict[str, Callable[[list[float]], float]] = {"wall s": sum, "CPU s": sum, "peak MB": max}
    found[f"{systems} x score"] = {key: of([one[key] for one in each]) for key, of in over.items()}
    _, said = run(["-c", IN_ONE_PROCESS], folder, code)
    wall, cpu = map(float, said.split("\n")[-2].split())
    found["scores, in one process"] = {"wall s": wall, "CPU s": cpu}
    for stage in ("baselines", "compare", "report"):
        found[stage] = run(["-m", f"pipeline.{stage}"], folder, code)[0]
    found["report"]["page MB"] = Paths(folder).report.stat().st_size / 1e6
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, nargs="+", default=[500])
    parser.add_argument("--systems", type=int, default=5)
    parser.add_argument("--code", type=Path, nargs="+", default=[ROOT], help="checkouts that take turns")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; medians of {arguments.rounds} rounds")
    for examples in arguments.examples:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            write_folder(folder, examples, arguments.systems)
            rounds: dict[tuple[str, Path, str], list[float]] = defaultdict(list)
            for _ in range(arguments.rounds):
                for code in arguments.code:
                    for stage, figures in measure(folder, code.resolve(), arguments.systems).items():
                        for figure, value in figures.items():
                            rounds[stage, code, figure].append(value)
        report(examples, rounds)


def report(examples: int, rounds: dict[tuple[str, Path, str], list[Any]]) -> None:
    table: dict[tuple[str, Path], list[str]] = defaultdict(list)
    for (stage, code, figure), values in rounds.items():
        table[stage, code].append(f"{statistics.median(values):.1f} {figure}")
    for (stage, code), cells in table.items():
        print(f"{examples:>6} examples  {stage:<24} {code.resolve().name:<10} {', '.join(cells)}")
    print(json.dumps({"load": os.getloadavg(), "self MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}))


if __name__ == "__main__":
    main()
