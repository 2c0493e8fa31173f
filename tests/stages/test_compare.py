"""The comparison: rows of methods, baselines and external systems, paired tests, flags, verdict and Markdown."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict

import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline import baselines, compare
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation.comparison_shape import Benchmark as BenchmarkRows
from pipeline.evaluation.comparison_shape import (
    Comparison,
    Cost,
    Forgetting,
    ForgettingDifference,
    Mixture,
    Reading,
    Search,
)
from pipeline.evaluation.comparison_shape import Difference as PairRow
from pipeline.evaluation.comparison_shape import System as SystemRow
from pipeline.evaluation.pairs import find_pair, read_pairs
from pipeline.evaluation.soft_prompt_shapes import (
    PromptReading,
    ReadToken,
    SharedPrompts,
    SoftPrompts,
    VocabularyNearness,
)
from pipeline.evaluation.verdict import verdict
from pipeline.parameters.benchmark import Benchmark
from tests import tiny
from tests.project import ROOT
from tests.systems import (
    BUSY,
    COUNT,
    FAIR,
    FREE_METRICS,
    GOOD,
    NO_BENCHMARK,
    POOR,
    RECORDS,
    SETTINGS,
    SUMMARIES,
    TRAINED,
    UNTRAINED,
    WHOLE_MODEL,
    markdown_tables,
    settings,
    write_inference,
    write_method,
    write_scores,
    write_seeds,
)

THREE = ["zero_shot", "lora", "full"]


def run(paths: Paths, methods: list[str], seeds: dict[str, list[int]] | None = None, **changes) -> tuple[dict, str]:
    """The comparison and its Markdown; seeds: of the methods that have some."""
    baselines.run(paths, task=SUMMARIES, score=settings())
    seeds_of = {name: (seeds or {}).get(name, []) for name in methods}
    compare.run(
        paths,
        methods=methods,
        seeds_of=seeds_of,
        soft_prompt_runs={},
        benchmark=NO_BENCHMARK,
        metrics=FREE_METRICS,
        score=settings(**changes),
    )
    return files.read_json(paths.comparison), paths.comparison_markdown.read_text()


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """zero_shot poor, lora fair, full good; lora forgets the form of a quarter of the answers and knows all but one."""
    paths, all_known = Paths(tmp_path_factory.mktemp("three")), [True] * 20
    write_method(paths, "zero_shot", POOR, known=all_known)
    write_method(paths, "lora", FAIR, TRAINED, [True, False, True, True] * 5, known=[False, *all_known[1:]])
    write_method(paths, "full", GOOD, WHOLE_MODEL, known=all_known)
    return paths, *run(paths, THREE)


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths(tmp_path)


def systems(comparison: dict) -> dict[str, dict]:
    return {row["name"]: row for row in comparison["systems"]}


def pair(comparison: dict, first: str, second: str):
    return find_pair(read_pairs(comparison), first, second).estimate


def table(page: str, *columns: str) -> list[dict[str, str]]:
    """The first table of a page that has these columns: a dictionary for each row; of two columns alike the last."""
    for header, _, *rows in markdown_tables(page):
        if set(columns) <= set(header):
            return [dict(zip(header, row)) for row in rows]
    raise AssertionError(f"no table with {columns}")


def row_of(rows: list[dict[str, str]], name: str) -> dict[str, str]:
    return next(row for row in rows if name in (row.get("method"), row.get("system"), row.get("first")))


def test_baselines_come_first_then_methods_in_their_order(three):
    _, comparison, _ = three
    names = [row["name"] for row in comparison["systems"]]
    assert set(names[:3]) == {"human", "lead", "longest_turn"}
    assert names[3:] == THREE
    points = [row["scores"]["rouge1"]["mean"] for row in comparison["systems"][:3]]
    assert points == sorted(points)


def test_a_plot_has_a_line_for_each_system(three):
    paths, comparison, _ = three
    head, *lines = [line.split("\t") for line in paths.comparison_plot.read_text().splitlines()]
    assert head == ["score", "system"]
    assert lines == [[f"{row['scores']['rouge1']['mean']:.2f}", row["name"]] for row in comparison["systems"]]


def test_costs_are_those_of_the_run_records(three):
    lora = systems(three[1])["lora"]
    assert (lora["share"], lora["bytes"]) == (0.025, 3 * 2**20)
    assert lora["cost"] == {
        "train_seconds": 20.0,
        "train_cpu_seconds": 38.0,
        "seconds_to_best": 15.0,
        "validation_seconds": 2.0,
        "train_tokens_per_second": {"median": 3000.0, "low": 2950.0, "high": 3050.0},
        "generate_seconds": 4.0,
        "generate_cpu_seconds": 7.5,
        "generate_tokens_per_second": 250.0,
    }
    assert lora["memory"] == {
        "training": {"peak": 2048.0, "above_model": 1048.0, "imports": 300.0},
        "generation": {"peak": 1500.0, "above_model": 1000.0, "imports": 300.0},
        "forgetting": {"peak": 800.0, "above_model": 300.0, "imports": 300.0},
    }
    assert systems(three[1])["zero_shot"]["memory"]["training"] is None


def test_the_cost_tables_have_wall_and_cpu_and_two_digits(three):
    _, _, page = three
    time = row_of(table(page, "training, CPU"), "lora")
    assert (time["training"], time["training, CPU"], time["tokens/s"]) == ("20 s", "38 s", "3,000 [3,000, 3,000]")
    assert (time["generation"], time["generation, CPU"]) == ("4.0 s", "7.5 s")
    assert row_of(table(page, "training, CPU"), "zero_shot")["training"] == "-"
    first = table(page, "first token")
    assert [row["method"] for row in first] == ["full", "lora", "zero_shot", "lora, unmerged"]
    assert row_of(first, "lora, unmerged") == {
        "method": "lora, unmerged",
        "first token": "0.065 s [0.065, 0.065]",
        "further token": "13 ms [13, 13]",
        "output": "0.26 s [0.26, 0.26]",
        "output, CPU": "0.26 s [0.26, 0.26]",
        "relative": "1.3 [1.3, 1.3]",
    }


def test_the_search_for_a_learning_rate_has_its_cost_and_a_method_without_one_is_named(paths):
    training = TRAINED | {"setting": "aaaa", "learning_rate": 0.003}
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "lora", FAIR, training)
    write_method(paths, "full", GOOD, WHOLE_MODEL)
    point = {"setting": "aaaa", "trainings": 3, "train_cpu_seconds": 50.0}
    series = {"method": "lora", "best": 0.003, "points": [point | {"value": value} for value in (0.001, 0.003, 0.01)]}
    files.write_json(paths.sweeps / "rates.json", {"parameter": "lora.learning_rate", "series": [series]})
    comparison, page = run(paths, THREE)
    assert systems(comparison)["zero_shot"]["search"] is None and systems(comparison)["full"]["search"] is None
    assert table(page, "learning rates") == [
        {"method": "lora", "learning rates": "0.001, 0.003, 0.01", "used": "0.003", "trainings": "9"}
        | {"search, CPU": "450.0 s"}
    ]
    assert "Learning rate of full: not searched for" in page


def test_a_quiet_machine_with_equal_controls_gives_an_order_and_no_alarm(three):
    _, comparison, page = three
    assert "By time, the fastest first: full, lora and zero_shot; then lora, unmerged. Control: " in page
    assert "busy" not in page and "No order" not in page
    assert not any(row.get("busy") for row in comparison["systems"])  # loading's does not count


def test_no_order_by_time_is_printed_where_equal_graphs_differ(paths):
    for name, texts, training in (("zero_shot", POOR, UNTRAINED), ("lora", FAIR, TRAINED), ("full", GOOD, WHOLE_MODEL)):
        write_method(paths, name, texts, training)
    write_inference(paths, {"lora": 1.18})
    _, page = run(paths, THREE)
    same = "full, lora and zero_shot compute the same, and their medians differ by 18 %"
    assert f"**No order by time at batch size 1: {same}" in page
    assert "the fastest first" not in page


def test_one_method_alone_is_its_own_control(paths):
    write_method(paths, "zero_shot", POOR)
    _, page = run(paths, ["zero_shot"])
    assert "Control: zero_shot and zero_shot, again compute the same" in page
    assert [row["method"] for row in table(page, "first token")] == ["zero_shot", "zero_shot, again"]


def test_a_busy_machine_is_said_in_bold_with_what_was_measured_on_it(paths):
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "lora", FAIR, TRAINED | {"contention": {"train": BUSY}})
    write_inference(paths, contention={"core_share": 0.9, "pressure": 35.0})
    comparison, page = run(paths, ["zero_shot", "lora"])
    assert list(systems(comparison)["lora"]["busy"]) == ["training"]
    (alarm,) = [line for line in page.splitlines() if line.startswith("**Measured on a busy machine: ")]
    assert "training of lora (had a core in 40 % of the time it needed one, processes waited" in alarm
    assert "inference (processes waited for a core in 35 % of the time)" in alarm and alarm.endswith("**")


def test_models_that_were_loaded_again_in_every_round_are_said(paths):
    write_method(paths, "zero_shot", POOR)
    write_inference(paths, together=False)
    assert "Each model was loaded again in every round" in run(paths, ["zero_shot"])[1]


def test_a_method_that_was_not_measured_is_refused(paths):
    write_method(paths, "zero_shot", POOR)
    write_inference(paths)
    write_method(paths, "lora", FAIR, TRAINED)
    record = files.read_json(paths.inference_run)
    record["variants"] = [one for one in record["variants"] if one["method"] != "lora"]
    files.write_json(paths.inference_run, record | {"control": ["zero_shot"]})
    with pytest.raises(InputError, match=r"inference\.json: .*nothing of lora.*`dvc repro -f -s measure`"):
        run(paths, ["zero_shot", "lora"])


def test_ten_tasks_are_one_base_with_ten_adapters_or_ten_whole_models(three):
    ten_tasks = {name: row["bytes_of_ten_tasks"] / 2**20 for name, row in systems(three[1]).items() if "cost" in row}
    assert ten_tasks == {"zero_shot": 1, "lora": 31, "full": 30}


def test_a_better_system_is_found_and_the_difference_is_that_of_the_means(three):
    _, comparison, _ = three
    found = pair(comparison, "full", "lora")
    means = {name: row["scores"]["rouge1"]["mean"] for name, row in systems(comparison).items()}
    assert found.difference == pytest.approx(means["full"] - means["lora"])
    assert found.significant and found.low > 0
    swapped = pair(comparison, "lora", "full")
    assert (swapped.difference, swapped.low) == (-found.difference, -found.high)
    assert {len(pairs) for pairs in comparison["pairs"].values()} == {3}


def test_p_values_are_corrected_for_the_number_of_pairs(three):
    for pairs in three[1]["pairs"].values():
        assert all(row["p_holm"] >= row["p"] for row in pairs)
        assert max(row["p_holm"] / row["p"] for row in pairs) == pytest.approx(3)  # the smallest of three


def test_two_systems_with_the_same_summaries_do_not_differ(paths):
    write_method(paths, "lora", GOOD, TRAINED)
    write_method(paths, "full", GOOD, WHOLE_MODEL)
    comparison, page = run(paths, ["lora", "full"])
    found = pair(comparison, "full", "lora")
    assert (found.difference, found.p, found.significant) == (0, 1, False)
    assert row_of(table(page, "p, corrected"), "full")["result"] == "not significant"
    recommendation = comparison["verdict"][1]
    assert recommendation.startswith("Recommended for these trainings: lora")
    assert "difference" not in recommendation  # the sentence before it has it


def test_what_was_forgotten_is_a_difference_with_an_interval_in_each_reading(three):
    _, comparison, page = three
    lora, full = (systems(comparison)[name]["forgetting"]["readings"] for name in ("lora", "full"))
    form, known = lora["written"]["change"], lora["by_choice"]["change"]
    assert (form["number"]["mean"], form["mood"]["mean"], form["mean"]["mean"]) == (0, -50, -25)
    assert -50 < form["mean"]["low"] < -25 < form["mean"]["high"] < 0
    assert (known["number"]["mean"], known["mean"]["mean"]) == (pytest.approx(-10), pytest.approx(-5))
    assert known["mean"]["low"] < -5 < 0 < known["mean"]["high"]
    nothing = full["by_choice"]["change"]["mean"]
    assert nothing["mean"] == 0 and nothing["low"] < -10 and nothing["high"] > 10  # of 20 questions
    row = row_of(table(page, "in the wanted form"), "lora")
    assert (row["still known (by choice)"], row["in the wanted form"]) == ("95.0", "75.0")
    assert row["minus zero_shot"].startswith("-25.0 [-")
    tasks = {row["task"]: row for row in table(page, "task", "lora")}
    assert list(tasks) == ["number", "mood", "mean"]
    assert tasks["number"]["lora"].startswith("90.0 (-10.0 [-") and tasks["number"]["zero_shot"] == "100.0"


def test_what_trains_nothing_leaves_the_base_unchanged_and_full_cannot_be_turned_off(paths):
    for name, training in {"zero_shot": UNTRAINED, "few_shot": UNTRAINED, "lora": TRAINED, "full": WHOLE_MODEL}.items():
        write_method(paths, name, GOOD, training, known=[True] * 20)
    comparison, page = run(paths, ["zero_shot", "few_shot", "lora", "full"])
    assert "change" not in systems(comparison)["few_shot"]["forgetting"]["readings"]["by_choice"]
    rows = {row["method"]: row for row in table(page, "adapter off")}
    assert {name: row["adapter off"] for name, row in rows.items()} == {
        "zero_shot": "",
        "few_shot": "",
        "lora": "the base, by construction",
        "full": "cannot be turned off",
        "chance: most frequent answer": "",
        "chance: random choice": "",
    }
    assert (rows["few_shot"]["minus zero_shot"], rows["zero_shot"]["minus zero_shot"]) == ("base unchanged", "")
    assert "few_shot" not in table(page, "task", "lora")[0]
    assert "+0.0 [+0.0" not in page.partition("## Forgetting")[2]


def test_every_reading_has_its_chance_level(three):
    _, comparison, page = three
    readings = systems(comparison)["zero_shot"]["forgetting"]["readings"]
    assert readings["written"]["chance"] == {"most_frequent": {"number": 10, "mood": 70, "mean": 40}}
    assert readings["by_choice"]["chance"]["random_choice"] == {"number": 25, "mood": 50, "mean": 37.5}
    rows = {row["method"]: row for row in table(page, "in the wanted form")}
    assert rows["chance: most frequent answer"]["in the wanted form"] == "40.0"
    assert rows["chance: random choice"]["still known (by choice)"] == "37.5"
    assert rows["chance: random choice"]["in the wanted form"] == ""


def test_a_mixture_is_told_and_tasks_in_it_have_a_mean_of_their_own(three, tmp_path):
    shutil.copytree(three[0].root, tmp_path / "copy")
    paths = Paths(tmp_path / "copy")
    files.write_json(paths.mixture_card, {"own": 750, "tasks": {"mood": {"gave": 40}, "unasked": {"gave": 3}}})
    comparison, page = run(paths, THREE)
    TypeAdapter(Comparison).validate_python(comparison, strict=True)
    assert comparison["mixture"] == {"own": 750, "further": {"mood": 40, "unasked": 3}}
    assert "750 examples of the task and 43 of further tasks (40 of mood, 3 of unasked)" in page
    lora, before = (systems(each)["lora"]["forgetting"]["readings"] for each in (comparison, three[1]))
    for reading, found in lora.items():
        accuracy, change = found["accuracy"], found["change"]
        assert accuracy["mean, mixed in"] == accuracy["mood"] and change["mean, mixed in"] == change["mood"]
        assert accuracy["mean, left out"] == accuracy["number"] and change["mean, left out"] == change["number"]
        assert accuracy["mean"] == before[reading]["accuracy"]["mean"]
    rows = [row["task"] for row in table(page, "task", "lora")]
    assert rows == ["number", "mood", "mean", "mean, mixed in", "mean, left out"]


def test_a_benchmark_is_a_table_with_what_changed_for_certain(three, tmp_path):
    shutil.copytree(three[0].root, tmp_path / "copy")
    paths = Paths(tmp_path / "copy")
    task = {"metric": "acc", "items": 20, "version": "1.0", "num_fewshot": 0, "limit": None, "commit": None}
    for name, right in (("zero_shot", 20), ("lora", 19), ("full", 2)):
        rows = [
            {"task": kind, "item": str(n), "score": float(kind == "kept" or n < right)}
            for kind in ("kept", "lost")
            for n in range(20)
        ]
        files.write_parquet(paths.benchmark_scores(name), rows)
        files.write_json(paths.benchmark_run(name), {"lm_eval": "0.4.13", "tasks": {"kept": task, "lost": task}})
    chosen = {"stock": "lost", "settings": {}, "data": "data/checked", "where": {}, "hub": None}
    benchmark = tiny.section("benchmark", Benchmark, tasks={"lost": chosen})
    compare.run(
        paths,
        methods=THREE,
        seeds_of={name: [] for name in THREE},
        soft_prompt_runs={},
        benchmark=benchmark,
        metrics=FREE_METRICS,
        score=settings(resamples=5000),
    )
    comparison, page = files.read_json(paths.comparison), paths.comparison_markdown.read_text()
    TypeAdapter(Comparison).validate_python(comparison, strict=True)
    assert comparison["benchmark"]["scores"]["full"] == {"kept": 100, "lost": 10, "mean": 55}
    rows = {row["task"]: row for row in table(page, "task", "items")}
    assert rows["kept"]["full"].startswith("100.0 (+0.0 [") and rows["mean"]["full"].startswith("55.0 (-45.0 [")
    sentence = page.partition("## Benchmark")[2].strip().splitlines()[0]
    assert "corrected for 6 differences (Holm): full lost -90.0 [" in sentence and "lora" not in sentence


def test_a_mixture_of_tasks_that_are_not_asked_for_divides_no_mean(three, tmp_path):
    shutil.copytree(three[0].root, tmp_path / "copy")
    paths = Paths(tmp_path / "copy")
    files.write_json(paths.mixture_card, {"own": 750, "tasks": {"unasked": {"gave": 3}}})
    comparison, _ = run(paths, THREE)
    accuracy = systems(comparison)["lora"]["forgetting"]["readings"]["written"]["accuracy"]
    assert list(accuracy) == ["number", "mood", "mean"]


def test_whether_an_adapter_forgets_less_is_a_sentence_with_what_is_not_ruled_out(three, paths):
    _, comparison, page = three
    change, pair_of_methods = comparison["forgetting"]["sentences"]
    assert change.startswith("Change in accuracy against zero_shot, by the likeliest choice, in points with 95 % ")
    assert "one training each" in change and "lora -5.0 [-" in change and "is not ruled out" in change
    assert pair_of_methods.startswith("Whether lora forgets less than full is open: the difference is -5.0 [-")
    assert f"{change}\n\n{pair_of_methods}" in page
    write_method(paths, "lora", GOOD, TRAINED, known=[True] * 20)
    write_method(paths, "full", GOOD, WHOLE_MODEL, known=[True, True, False, False] * 5)
    comparison, _ = run(paths, ["lora", "full"])
    (sentence,) = comparison["forgetting"]["sentences"]
    assert sentence.startswith("lora forgets less than full: the difference is +50.0 [+")


def test_questions_without_choices_show_the_form_alone(paths):
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "lora", GOOD, TRAINED, [True, False] * 10)
    comparison, page = run(paths, ["zero_shot", "lora"])
    assert list(systems(comparison)["lora"]["forgetting"]["readings"]) == ["written"]
    assert list(table(page, "adapter off")[0]) == ["method", "in the wanted form", "minus zero_shot", "adapter off"]
    assert "None has choices" in page
    assert "in the wanted form, in points" in comparison["forgetting"]["sentences"][0]


def test_the_loss_on_held_out_text_is_a_difference_over_the_texts(paths):
    write_method(paths, "zero_shot", POOR, losses=(3.0, 2.0, 1.0))
    write_method(paths, "lora", GOOD, TRAINED, losses=(3.5, 2.5, 1.5))
    write_method(paths, "full", GOOD, WHOLE_MODEL, losses=(3.0, 2.0, 4.0))
    comparison, page = run(paths, THREE)
    rows = {name: row["forgetting"] for name, row in systems(comparison).items() if "forgetting" in row}
    assert rows["lora"]["text_loss_change"] == pytest.approx({"mean": 0.5, "low": 0.5, "high": 0.5})
    assert rows["full"]["text_loss_change"] == pytest.approx({"mean": 1.5, "low": 0.0, "high": 3.0})
    lora = row_of(table(page, "nats per token"), "lora")
    assert lora == {"method": "lora", "nats per token": "2.250", "minus zero_shot": "+0.500 [+0.500, +0.500]"}


def test_a_copy_of_the_references_is_flagged_as_above_people(paths):
    write_method(paths, "full", [row["references"][0] for row in RECORDS], WHOLE_MODEL)
    write_method(paths, "zero_shot", POOR)
    comparison, page = run(paths, ["zero_shot", "full"])
    assert systems(comparison)["full"]["flags"] == ["above human"]
    assert systems(comparison)["full"]["further"]["rouge1_max"] == pytest.approx(100)
    assert {"below lead", "below longest_turn"} == set(systems(comparison)["zero_shot"]["flags"])
    notes = {row["system"]: row["note"] for row in table(page, "ROUGE-1", "note")}
    assert (notes["full"], notes["zero_shot"]) == ("above human", "below lead; below longest_turn")
    assert notes["human"] == "baseline"


def test_an_external_system_is_a_row_without_costs(paths):
    write_method(paths, "zero_shot", POOR)
    write_scores(paths, "published", GOOD)
    comparison, page = run(paths, ["zero_shot"], external={"published": "p.jsonl"})
    row = systems(comparison)["published"]
    assert (row["kind"], "cost" in row) == ("external", False)
    assert pair(comparison, "published", "zero_shot").significant
    assert [row["system"] for row in table(page, "ROUGE-1", "note")][-2:] == ["zero_shot", "published"]
    assert [row["method"] for row in table(page, "trainable")] == ["zero_shot"]
    assert [row["system"] for row in table(page, "truncated")] == ["references", "zero_shot", "published"]


def test_without_zero_shot_there_is_no_change_of_what_the_base_knew(paths):
    write_method(paths, "lora", FAIR, TRAINED)
    comparison, page = run(paths, ["lora"])
    assert "change" not in systems(comparison)["lora"]["forgetting"]["readings"]["written"]
    assert comparison["forgetting"] == {"differences": [], "sentences": []}
    assert list(table(page, "in the wanted form")[0]) == ["method", "in the wanted form", "adapter off"]
    assert list(table(page, "task")[0]) == ["task", "chance: most frequent answer", "lora"]
    assert list(table(page, "nats per token")[0]) == ["method", "nats per token"]
    assert comparison["pairs"]["rouge1"] == []


def test_the_tables_have_the_figures_of_the_run_records(three):
    _, _, page = three
    zero_shot, lora, _ = table(page, "trainable")
    assert (zero_shot["trainable"], zero_shot["share"]) == ("0", "0.00 %")
    assert (zero_shot["training"], zero_shot["time to best checkpoint"]) == ("-", "-")
    assert (lora["trainable"], lora["of"], lora["share"]) == ("2,500", "100,000", "2.50 %")
    assert lora["time to best checkpoint"] == "15 s"
    zero_shot, lora, _ = table(page, "imports")
    assert (zero_shot["training"], zero_shot["generation"], zero_shot["imports"]) == ("-", "1,500 MiB", "300 MiB")
    assert (lora["training"], lora["forgetting"]) == ("2,048 MiB", "800 MiB")
    assert lora["above the model"] == "300 MiB"  # of the last of the three
    rows = table(page, "ten tasks on disk")
    assert [row["method"] for row in rows] == ["zero_shot", "lora", "full"]
    assert [row["on disk"] for row in rows] == ["0 B", "3.0 MiB", "3.0 MiB"]
    assert [row["ten tasks on disk"] for row in rows] == ["1.0 MiB", "31.0 MiB", "30.0 MiB"]
    assert {row["extra prompt tokens"] for row in rows} == {"0"}
    assert "2 examples at batch size 1" in page and "Inference, batch size 8" in page
    assert "rouge_score" in page


def test_every_column_with_a_meaning_is_explained_below_its_table(three):
    _, _, page = three
    assert "- **truncated**: Stopped at the length limit before the end token." in page


def test_the_verdict_names_shares_and_the_difference(three):
    sentences = three[1]["verdict"]
    lora, full = (systems(three[1])[name]["scores"]["rouge1"]["mean"] for name in ("lora", "full"))
    share = 100 * lora / full
    start = f"lora reaches {share:.0f} % of full fine-tuning's ROUGE-1 with 2.5 % of the parameters;"
    assert sentences[0].startswith(start)
    assert "is significant (corrected p" in sentences[0]
    assert sentences[1].startswith("Recommended for these trainings: full, which scores best")
    assert "another seed" in sentences[-1]


def test_full_fine_tuning_is_known_by_what_it_saves_and_not_by_its_name(paths):
    write_method(paths, "biases", FAIR, TRAINED)
    write_method(paths, "everything", GOOD, WHOLE_MODEL)
    comparison, _ = run(paths, ["biases", "everything"])
    assert comparison["verdict"][0].startswith("biases reaches ")


def test_a_verdict_on_methods_that_train_nothing(paths):
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "few_shot", GOOD, UNTRAINED | {"bytes": 4000})
    comparison, _ = run(paths, ["zero_shot", "few_shot"])
    assert comparison["verdict"] == ["Recommended: few_shot, which scores best and is the cheapest."]
    only_baselines = [row for row in comparison["systems"] if row["kind"] == "baseline"]
    assert verdict(comparison | {"systems": only_baselines}) == []


def test_comparing_imports_neither_torch_nor_altair(three):
    paths, _, _ = three
    values = {"methods": THREE, "seeds_of": {name: [] for name in THREE}, "score": SETTINGS}
    values |= {"soft_prompt_runs": {}, "benchmark": asdict(NO_BENCHMARK)}
    values["metrics"] = asdict(FREE_METRICS)
    (paths.root / "params.yaml").write_text(json.dumps(values))
    before = paths.comparison.read_text()
    code = (
        "import sys\nfrom pipeline import compare\nfrom pipeline.core.cli import run_stage\nsys.argv = ['compare']\n"
        "run_stage(compare.run)\n"
        "assert not {'torch', 'transformers', 'altair', 'jinja2'} & set(sys.modules)"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=paths.root, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert paths.comparison.read_text() == before


def test_metrics_of_evaluate_have_columns_of_their_own(paths):
    for method, value in (("zero_shot", 1.5), ("lora", 2.5)):
        write_method(paths, method, GOOD, TRAINED if method == "lora" else UNTRAINED)
        scores = files.read_json(paths.scores(method))
        files.write_json(paths.scores(method), scores | {"evaluate": {"chrf": {"score": value}}})
    _, page = run(paths, ["zero_shot", "lora"])
    assert [row["chrf score"] for row in table(page, "chrf score")] == ["", "", "", "1.5", "2.5"]


def test_scores_of_different_conventions_are_not_compared(paths):
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "lora", GOOD, TRAINED)
    path = paths.scores("lora")
    path.write_text(path.read_text().replace("|F1", "|recall"))
    with pytest.raises(InputError, match=r"lora was scored as .*\|recall"):
        run(paths, ["zero_shot", "lora"])


def test_answers_to_other_questions_are_not_compared(paths):
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "lora", GOOD, TRAINED, [True] * 18)
    with pytest.raises(InputError, match="zero_shot and lora answered different questions"):
        run(paths, ["zero_shot", "lora"])


def test_scores_without_near_duplicates_of_train_have_a_table_of_their_own(paths):
    records = [row | {"near": "train-3"} if number < 2 else row for number, row in enumerate(RECORDS)]
    write_method(paths, "zero_shot", FAIR, records=records)
    comparison, page = run(paths, ["zero_shot"])
    assert f"2 of the {COUNT} test examples are near-duplicates of train. Without them:" in page
    clean = markdown_tables(page)[1]
    assert {row[0] for row in clean[2:]} == {"zero_shot", "human", "lead", "longest_turn"}
    own = systems(comparison)["zero_shot"]["without_near_duplicates"]
    assert clean[-1][1].startswith(f"{own['scores']['rouge1']['mean']:.1f} [")
    assert own["examples"] == COUNT - 2


def test_a_test_set_of_near_duplicates_alone_is_emphasized(paths):
    write_method(paths, "zero_shot", FAIR, records=[row | {"near": "train-3"} for row in RECORDS])
    _, page = run(paths, ["zero_shot"])
    assert f"**{COUNT} of the {COUNT} test examples are near-duplicates of train**" in page
    assert "Without them" not in page


@pytest.mark.parametrize("asked", [1, 2])
def test_forgetting_everything_is_a_hundred_points_of_few_questions_too(paths, asked):
    write_method(paths, "zero_shot", POOR, correct=[True] * 2 * asked)
    write_method(paths, "lora", GOOD, TRAINED, [False] * 2 * asked)
    comparison, _ = run(paths, ["zero_shot", "lora"])
    change = systems(comparison)["lora"]["forgetting"]["readings"]["written"]["change"]["mean"]
    assert (change["mean"], change["low"]) == (-100, -100) and change["high"] > -80


def test_too_few_resamples_for_significance_are_refused(paths):
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "lora", GOOD, TRAINED)
    with pytest.raises(InputError, match=r"^score.resamples: 10 are too few: .* 1 differences .* use 200 or more"):
        run(paths, ["zero_shot", "lora"], resamples=10)


def test_external_systems_are_in_the_verdict(paths):
    write_method(paths, "lora", GOOD, TRAINED)
    write_scores(paths, "api", [row["references"][0] for row in RECORDS])
    comparison, _ = run(paths, ["lora"], external={"api": "a.jsonl"})
    assert comparison["verdict"][0] == "Only lora was measured: there is nothing to choose from."
    assert comparison["verdict"][1].startswith("The external system api is better: the difference of +")
    write_scores(paths, "old", POOR)
    comparison, page = run(paths, [], external={"api": "a.jsonl", "old": "o.jsonl"})
    assert comparison["verdict"][0].startswith("api scores best; over old the difference of +")
    assert comparison["verdict"][0] in page


def test_the_file_is_what_its_schema_says_and_further_keys_are_refused(three, seeded):
    _, comparison, _ = three
    for each in (comparison, seeded[0]):
        TypeAdapter(Comparison).validate_python(each, strict=True)
    for place in (comparison, comparison["systems"][-1], comparison["pairs"]["rouge1"][0]):
        place["planted"] = 1
        with pytest.raises(ValidationError, match="planted"):
            TypeAdapter(Comparison).validate_python(comparison, strict=True)
        del place["planted"]


def test_every_key_of_the_file_is_in_its_document():
    document = (ROOT / "docs/comparison_schema.md").read_text()
    for shape in (
        Comparison,
        SystemRow,
        PairRow,
        Cost,
        Search,
        Forgetting,
        Reading,
        ForgettingDifference,
        Mixture,
        BenchmarkRows,
        SoftPrompts,
        VocabularyNearness,
        PromptReading,
        ReadToken,
        SharedPrompts,
    ):
        missing = [key for key in shape.__annotations__ if f"`{key}`" not in document]
        assert not missing, f"{shape.__name__}: {missing}"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """lora and full with three seeds, zero_shot without; one seed of lora is a little worse."""
    paths = Paths(tmp_path_factory.mktemp("seeded"))
    write_method(paths, "zero_shot", POOR)
    for seed in (17, 18, 19):
        write_method(paths, f"lora-{seed}", FAIR, TRAINED)
        write_method(paths, f"full-{seed}", GOOD, WHOLE_MODEL)
    write_inference(paths, {"lora": 1.0, "full": 1.0})
    worse = ["It is about an order.", *FAIR[1:5], "It is about an order.", *FAIR[6:]]
    write_seeds(paths, "lora", {17: FAIR, 18: worse, 19: FAIR})
    write_seeds(paths, "full", {17: GOOD, 18: GOOD, 19: GOOD})
    return *run(paths, THREE, {"lora": [17, 18, 19], "full": [17, 18, 19]}), paths


def test_seeds_are_in_the_scores_the_pairs_and_the_page(seeded):
    comparison, page, _ = seeded
    assert comparison["seeds"] == [17, 18, 19]
    lora = systems(comparison)["lora"]
    points = [scores["rouge1"] for scores in lora["by_seed"].values()]
    assert list(lora["by_seed"]) == ["17", "18", "19"] and points[1] < points[0] == points[2]
    assert lora["scores"]["rouge1"]["mean"] == pytest.approx(sum(points) / 3)
    assert systems(comparison)["zero_shot"]["by_seed"] == {}
    found = pair(comparison, "full", "lora")
    assert found.seeds == 3 and found.sd_rest > 0 and found.significant
    assert row_of(table(page, "by seed"), "lora")["by seed"] == f"{points[1]:.1f} to {points[0]:.1f} (3)"
    spread = {(row["first"], row["minus"]): row for row in table(page, "seed and example")}["full", "lora"]
    assert (spread["seed"], spread["seed and example"]) == (f"{found.sd_seed:.1f}", f"{found.sd_rest:.1f}")
    assert "3 seeds and 30 examples" in page
    assert comparison["verdict"][-1].startswith("Over 3 seeds ROUGE-1 is ")
    assert f"{sum(points) / 3:.1f} ± " in comparison["verdict"][-1]


def test_a_difference_over_seeds_is_the_mean_of_those_of_the_seeds(seeded):
    comparison, _, paths = seeded
    rows = {name: files.read_parquet(paths.example_scores(name)) for name in ("lora", "full")}
    means = {name: sum(row["rouge1"] for row in each) / len(each) for name, each in rows.items()}
    assert pair(comparison, "full", "lora").difference == pytest.approx(means["full"] - means["lora"])


def test_other_seeds_are_not_compared(seeded, paths):
    shutil.copytree(seeded[2].root, paths.root, dirs_exist_ok=True)
    write_seeds(paths, "full", {17: GOOD, 18: GOOD, 20: GOOD})
    with pytest.raises(InputError, match=r"full has seeds \[17, 18, 20\], lora has \[17, 18, 19\]"):
        run(paths, THREE, {"lora": [17], "full": [17]})


def test_one_seed_is_said_of_each_pair_that_depends_on_it(three, paths):
    shutil.copytree(three[0].root, paths.root, dirs_exist_ok=True)
    write_seeds(paths, "lora", {17: FAIR})
    write_seeds(paths, "full", {17: GOOD})
    comparison, page = run(paths, THREE)
    labels = {(row["first"], row["minus"]): row["result"] for row in table(page, "minus", "result")}
    assert set(labels.values()) == {"significant for these two trainings"}
    assert "is significant for these two trainings" in comparison["verdict"][0]
    assert pair(comparison, "full", "lora").sd_seed is None
    assert row_of(table(page, "minus", "detectable"), "full")["detectable"] != "-"
