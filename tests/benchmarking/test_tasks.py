"""The tasks of conf/benchmark: each is one of lm-eval's, or says all itself."""

import pytest

pytest.importorskip("lm_eval", reason="lm-eval is an extra: pip install --editable '.[benchmark]'")

from pipeline.benchmarking.tasks import splits_needed, stock_files, task_settings, with_data
from pipeline.core.errors import InputError
from pipeline.core.params import parse_section
from pipeline.experiments import configuration
from pipeline.parameters.benchmark import Benchmark
from tests.project import ROOT

NAMES = sorted(path.stem for path in (ROOT / "conf/benchmark").glob("[!_]*.yaml"))


def chosen(name: str) -> Benchmark:
    values = configuration.compose([f"benchmark={name}"], conf=ROOT / "conf")["benchmark"]
    return parse_section(values, Benchmark, "benchmark")


@pytest.mark.parametrize("name", NAMES)
def test_every_task_of_conf_is_lm_evals_or_says_all_itself(name):
    for task, values in chosen(name).tasks.items():
        assert values.stock is None or values.stock in stock_files(), task
        assert (values.hub is None) == (values.stock is None), task


@pytest.mark.parametrize(
    ("name", "task", "split"),
    [("glue", "mnli", "validation_matched"), ("mmlu", "anatomy", "test"), ("superglue", "wsc", "validation")],
)
def test_the_split_that_is_asked_is_the_stock_tasks(name, task, split):
    settings = task_settings(task, chosen(name).tasks[task])
    assert settings["task"] == task and splits_needed(settings, None) == [split]


def test_worked_examples_need_their_split():
    mmlu = task_settings("anatomy", chosen("mmlu").tasks["anatomy"])
    assert splits_needed(mmlu, 5) == ["test", "dev"]
    rte = task_settings("rte", chosen("glue").tasks["rte"])
    assert splits_needed(rte, 2) == ["validation", "train"]


def test_items_that_were_not_fetched_are_asked_for(tmp_path):
    with pytest.raises(InputError, match="dvc repro benchmark_data@anatomy"):
        with_data({"test_split": "test"}, tmp_path / "data/benchmarks/mmlu/anatomy", None)
