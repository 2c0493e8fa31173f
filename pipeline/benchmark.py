"""Tasks of lm-eval asked of a trained model. zero_shot is the base model, which methods are compared with.

    python -m pipeline.benchmark RUN

The items come from data/benchmarks; nothing is fetched. few_shot is asked without its worked examples.
"""

import functools
import logging
import sys
from typing import Any

from jinja2 import TemplateError

from pipeline.benchmarking.tasks import task_settings, version, with_data
from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.messages import first_line, listed
from pipeline.core.outputs import remedy
from pipeline.core.paths import Paths
from pipeline.core.shapes import Source
from pipeline.models import processes
from pipeline.models.chat import chat_settings
from pipeline.models.devices import environment, to_device
from pipeline.models.resource_monitor import ResourceMonitor, of_all_processes
from pipeline.models.tuned import load_tuned
from pipeline.parameters.benchmark import Benchmark
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template


def run(name: str, paths: Paths, *, model: Model, template: Template, benchmark: Benchmark) -> None:
    processes.join()
    tasks = {
        task: with_data(
            task_settings(task, settings), paths.benchmark_items(benchmark.name, task), benchmark.num_fewshot
        )
        for task, settings in benchmark.tasks.items()
    }
    monitor, chat = ResourceMonitor(), chat_settings(model, template)
    with monitor.phase("load"):
        tuned = load_tuned(paths.base_model, paths.tuned_model(name), model.architecture, chat, merge=True)
        tuned.network = to_device(tuned.network)
    with monitor.phase("ask"):
        results = evaluate(name, tuned, tasks, benchmark, paths)
    usage = of_all_processes(monitor)
    if not processes.is_first():
        return
    rows, found = scores(results, benchmark, {task: commit_of(task, benchmark, paths) for task in tasks})
    files.write_parquet(paths.benchmark_scores(name), rows)
    files.write_json(
        paths.benchmark_run(name),
        {"run": name, "lm_eval": version(), "tasks": found, **usage, **environment()},
    )
    each = ", ".join(f"{task} {one['score']:.1f}" for task, one in found.items())
    print(f"{name}: {len(rows)} items in {monitor.seconds['ask']:.1f} s; {each}")


def evaluate(
    name: str, model: Any, tasks: dict[str, dict[str, Any]], params: Benchmark, paths: Paths
) -> dict[str, Any]:
    """What lm-eval's simple_evaluate returns. Raises InputError where a task does not fit its items."""
    from lm_eval import simple_evaluate
    from lm_eval.api import task as task_module
    from lm_eval.tasks import TaskManager
    from tqdm import tqdm

    from pipeline.benchmarking.language_model import HarnessModel

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    task_module.tqdm = functools.partial(tqdm, disable=not sys.stderr.isatty())  # a bar in a log is a page of it
    manager = TaskManager(include_defaults=False)  # its index of all tasks takes ten seconds
    results: dict[str, Any] = {"samples": {}, "configs": {}, "results": {}, "versions": {}, "n-shot": {}}
    for task, settings in tasks.items():
        check_metrics(task, settings)
        try:
            found = simple_evaluate(
                HarnessModel(model, params, f"{name} {task}"),
                tasks=[manager.load([settings])["tasks"][task]],
                num_fewshot=params.num_fewshot,
                limit=params.limit,
                bootstrap_iters=0,
                apply_chat_template=model.chat is not None,
                task_manager=manager,
            )
        except (InputError, MemoryError):
            raise
        except (ArithmeticError, LookupError, TypeError, ValueError, TemplateError) as error:  # of one of its rows
            items, reason = paths.benchmark_items(params.name, task), f"{type(error).__name__}: {first_line(error)}"
            raise InputError(
                f"{items}: does not fit benchmark.tasks.{task} ({reason}): correct its settings, or {remedy(items)}"
            ) from error
        for key, of_tasks in results.items():
            of_tasks |= (found or {}).get(key, {})  # lm-eval gives none to the second process of a machine
    return results


def check_metrics(task: str, settings: dict[str, Any]) -> None:
    """Raise InputError for a metric that lm-eval does not have: it would look for one on the hub.

    A task with a function of its own for results names metrics of its own.
    """
    from lm_eval.api import metrics as _  # noqa: F401  registers them
    from lm_eval.api.registry import METRIC_REGISTRY

    for metric in settings["metric_list"] if not settings.get("process_results") else []:
        name = metric["metric"]
        if isinstance(name, str) and name not in METRIC_REGISTRY and not metric.get("hf_evaluate"):
            raise InputError(
                f"benchmark.tasks.{task}: no metric {name!r} in lm-eval; there are {listed(METRIC_REGISTRY)}"
            )


def commit_of(task: str, params: Benchmark, paths: Paths) -> str | None:
    """The hub commit of a task's items; None where they are files."""
    return files.read_json(paths.benchmark_items(params.name, task) / "source.json", Source).get("commit")


def scores(
    results: dict[str, Any], params: Benchmark, commits: dict[str, str | None]
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The score of every item, and what is said of each task."""
    from pipeline.benchmarking.item_scores import item_scores

    rows, found = [], {}
    for name, samples in results["samples"].items():
        config, reported = results["configs"][name], results["results"][name]
        metric, own = item_scores(name, samples, [one["metric"] for one in config["metric_list"]])
        rows += own
        found[name] = {
            "metric": metric,
            "items": len(own),
            "score": 100 * sum(row["score"] for row in own) / len(own),
            "version": str(results["versions"][name]),
            "num_fewshot": results["n-shot"][name],
            "limit": params.limit,
            "commit": commits[name],
            "lm_eval": {key: value for key, value in reported.items() if isinstance(value, int | float)},
        }
    return rows, found


if __name__ == "__main__":
    run_stage(run, several_processes=True)
