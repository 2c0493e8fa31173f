"""The comparison: rows of methods, baselines and external systems, paired tests, flags, verdict and Markdown."""

import json
import shutil
import subprocess
import sys

import pytest

from pipeline import baselines, compare
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation.pairs import find_pair, is_significant, read_pairs
from pipeline.evaluation.verdict import verdict
from tests.project import ROOT
from tests.systems import (
    BUSY,
    COUNT,
    FAIR,
    GOOD,
    POOR,
    RECORDS,
    SETTINGS,
    TRAINED,
    UNTRAINED,
    WHOLE_MODEL,
    markdown_tables,
    settings,
    write_inference,
    write_method,
    write_scores,
)

THREE = ["zero_shot", "lora", "full"]


def run(paths: Paths, methods: list[str], **changes) -> tuple[dict, str]:
    """The comparison and its Markdown."""
    baselines.run(paths, score=settings())
    compare.run(paths, methods=methods, score=settings(**changes))
    return files.read_json(paths.comparison), paths.comparison_markdown.read_text()


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """zero_shot poor, lora fair, full good; lora forgets a quarter."""
    paths = Paths(tmp_path_factory.mktemp("three"))
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "lora", FAIR, TRAINED, [True, False, True, True] * 5)
    write_method(paths, "full", GOOD, WHOLE_MODEL)
    return paths, *run(paths, THREE)


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths(tmp_path)


def systems(comparison: dict) -> dict[str, dict]:
    return {row["name"]: row for row in comparison["systems"]}


def pair(comparison: dict, first: str, second: str):
    return find_pair(read_pairs(comparison), first, second)


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
    assert head == ["rouge1", "system"]
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
        "summary": "0.26 s [0.26, 0.26]",
        "summary, CPU": "0.26 s [0.26, 0.26]",
        "relative": "1.3 [1.3, 1.3]",
    }


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
    assert found.over_dialogues.difference == pytest.approx(means["full"] - means["lora"])
    assert found.over_dialogues.significant and found.over_dialogues.low > 0
    swapped = pair(comparison, "lora", "full").over_dialogues
    assert (swapped.difference, swapped.low) == (-found.over_dialogues.difference, -found.over_dialogues.high)
    assert {len(pairs) for pairs in comparison["pairs"].values()} == {3}


def test_p_values_are_corrected_for_the_number_of_pairs(three):
    for pairs in three[1]["pairs"].values():
        assert all(row["p_holm"] >= row["p"] for row in pairs)
        assert max(row["p_holm"] / row["p"] for row in pairs) == pytest.approx(3)  # the smallest of three


def test_two_systems_with_the_same_summaries_do_not_differ(paths):
    write_method(paths, "lora", GOOD, TRAINED)
    write_method(paths, "full", GOOD, WHOLE_MODEL)
    comparison, page = run(paths, ["lora", "full"])
    found = pair(comparison, "full", "lora").over_dialogues
    assert (found.difference, found.p, found.significant) == (0, 1, False)
    assert row_of(table(page, "p, corrected"), "full")["result"] == "not significant"
    recommendation = comparison["verdict"][1]
    assert recommendation.startswith("Recommended: lora")
    assert "difference" not in recommendation  # the sentence before it has it


def test_what_was_forgotten_is_a_difference_with_an_interval(three):
    _, comparison, page = three
    change = systems(comparison)["lora"]["accuracy_change"]
    assert change["mean"] == -25
    assert -45 < change["low"] < -25 < change["high"] < -5
    assert systems(comparison)["full"]["accuracy_change"] == {"mean": 0, "low": 0, "high": 0}
    lora = row_of(table(page, "number", "mood"), "lora")
    assert (lora["number"], lora["mood"], lora["mean"], lora["mean minus zero_shot"]) == ("100", "50", "75", "-25.0")
    assert " to " in lora["95 %"]


def test_the_loss_on_held_out_text_is_a_difference_over_the_texts(paths):
    write_method(paths, "zero_shot", POOR, losses=(3.0, 2.0, 1.0))
    write_method(paths, "lora", GOOD, TRAINED, losses=(3.5, 2.5, 1.5))
    write_method(paths, "full", GOOD, WHOLE_MODEL, losses=(3.0, 2.0, 4.0))
    comparison, page = run(paths, THREE)
    rows = systems(comparison)
    assert rows["lora"]["text_loss_change"] == pytest.approx({"mean": 0.5, "low": 0.5, "high": 0.5})
    assert rows["full"]["text_loss_change"] == pytest.approx({"mean": 1.5, "low": 0.0, "high": 3.0})
    lora = row_of(table(page, "nats per token"), "lora")
    assert lora == {
        "method": "lora",
        "nats per token": "2.250",
        "minus zero_shot": "+0.500",
        "95 %": "+0.500 to +0.500",
    }


def test_the_page_says_how_many_questions_were_answered_by_choice(paths):
    write_method(paths, "zero_shot", POOR)
    forgetting = files.read_json(paths.forgetting("zero_shot"))
    files.write_json(paths.forgetting("zero_shot"), forgetting | {"by_choice": 4})
    _, page = run(paths, ["zero_shot"])
    assert "20 questions that no method was tuned on, 4 of them by the most likely choice." in page


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
    assert pair(comparison, "published", "zero_shot").over_dialogues.significant
    assert [row["system"] for row in table(page, "ROUGE-1", "note")][-2:] == ["zero_shot", "published"]
    assert [row["method"] for row in table(page, "trainable")] == ["zero_shot"]
    assert [row["system"] for row in table(page, "truncated")] == ["zero_shot", "published"]


def test_without_zero_shot_there_is_no_change_of_what_the_base_knew(paths):
    write_method(paths, "lora", FAIR, TRAINED)
    comparison, page = run(paths, ["lora"])
    assert "accuracy_change" not in systems(comparison)["lora"]
    assert list(table(page, "mood")[0]) == ["method", "number", "mood", "mean"]
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
    assert "2 dialogues at batch size 1" in page and "Inference, batch size 8" in page
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
    assert sentences[1].startswith("Recommended: full, which scores best")
    assert "another seed" in sentences[2]


def test_full_fine_tuning_is_known_by_what_it_saves_and_not_by_its_name(paths):
    write_method(paths, "biases", FAIR, TRAINED)
    write_method(paths, "everything", GOOD, WHOLE_MODEL)
    comparison, _ = run(paths, ["biases", "everything"])
    assert comparison["verdict"][0].startswith("biases reaches ")


def test_a_verdict_on_methods_that_train_nothing(paths):
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "few_shot", FAIR, UNTRAINED | {"bytes": 4000})
    comparison, _ = run(paths, ["zero_shot", "few_shot"])
    assert comparison["verdict"] == [
        "Recommended: few_shot, which scores best and trains no more parameters than the others."
    ]
    only_baselines = [row for row in comparison["systems"] if row["kind"] == "baseline"]
    assert verdict(comparison | {"systems": only_baselines}) == []


def test_comparing_imports_neither_torch_nor_altair(three):
    paths, _, _ = three
    values = {"methods": THREE, "score": SETTINGS}
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
    assert f"2 of the {COUNT} test dialogues are near-duplicates of train. Without them:" in page
    clean = markdown_tables(page)[1]
    assert {row[0] for row in clean[2:]} == {"zero_shot", "human", "lead", "longest_turn"}
    own = systems(comparison)["zero_shot"]["without_near_duplicates"]
    assert clean[-1][1].startswith(f"{own['scores']['rouge1']['mean']:.1f} [")
    assert own["dialogues"] == COUNT - 2


def test_a_test_set_of_near_duplicates_alone_is_emphasized(paths):
    write_method(paths, "zero_shot", FAIR, records=[row | {"near": "train-3"} for row in RECORDS])
    _, page = run(paths, ["zero_shot"])
    assert f"**{COUNT} of the {COUNT} test dialogues are near-duplicates of train**" in page
    assert "Without them" not in page


@pytest.mark.parametrize("asked", [1, 2])
def test_forgetting_everything_is_a_hundred_points_of_few_questions_too(paths, asked):
    write_method(paths, "zero_shot", POOR, correct=[True] * 2 * asked)
    write_method(paths, "lora", GOOD, TRAINED, [False] * 2 * asked)
    comparison, _ = run(paths, ["zero_shot", "lora"])
    assert systems(comparison)["lora"]["accuracy_change"] == {"mean": -100, "low": -100, "high": -100}


def test_too_few_resamples_for_significance_are_refused(paths):
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "lora", GOOD, TRAINED)
    with pytest.raises(InputError, match=r"^score.resamples: 10 are too few: .* 1 differences .* use 200 or more"):
        run(paths, ["zero_shot", "lora"], resamples=10)


def changed_verdict(comparison: dict, **changes: dict) -> list[str]:
    """The verdict on a comparison whose systems are changed: name -> columns."""
    return verdict(comparison | {"systems": [row | changes.get(row["name"], {}) for row in comparison["systems"]]})


def test_a_smaller_method_is_recommended_only_where_it_is_non_inferior(three):
    _, comparison, _ = three
    low = pair(comparison, "lora", "full").over_dialogues.low
    sentences = verdict(comparison | {"non_inferiority_margin": -low - 0.1})
    assert sentences[1].startswith("Recommended: full, which scores best")
    sentences = verdict(comparison | {"non_inferiority_margin": -low + 0.1})
    assert sentences[1].startswith("Recommended: lora, the smallest method that is non-inferior to full")


def test_what_is_below_the_floors_is_never_recommended_and_warnings_are_passed_on(three):
    _, comparison, _ = three
    wide = comparison | {"non_inferiority_margin": 100.0}
    assert "Recommended: lora" in changed_verdict(wide)[1]  # and not zero_shot, within a hundred points too
    flags = {name: {"flags": ["below lead"]} for name in THREE}
    sentences = changed_verdict(comparison, **flags)
    assert sentences[1] == "No method is recommended: full scores best, but is below lead."
    sentences = changed_verdict(comparison, full={"warnings": ["9 % are empty"]})
    assert sentences[1].endswith(" Warning: 9 % are empty.")


def test_too_few_dialogues_for_significance_are_named(three):
    _, comparison, _ = three
    sentence = "6 dialogues are too few for any difference to be significant."
    assert sentence in verdict(comparison | {"dialogues": 6})  # 3 pairs: 3 * 2 / 2 ** 6 = 0.09
    assert not any("too few" in sentence for sentence in verdict(comparison | {"dialogues": 7}))


def test_external_systems_are_in_the_verdict(paths):
    write_method(paths, "lora", FAIR, TRAINED)
    write_scores(paths, "api", GOOD)
    comparison, _ = run(paths, ["lora"], external={"api": "a.jsonl"})
    assert comparison["verdict"][0] == "Only lora was measured: there is nothing to choose from."
    assert comparison["verdict"][1].startswith("The external system api is better: the difference of +")
    write_scores(paths, "old", POOR)
    comparison, page = run(paths, [], external={"api": "a.jsonl", "old": "o.jsonl"})
    assert comparison["verdict"][0].startswith("api scores best; over old the difference of +")
    assert comparison["verdict"][0] in page


def seeds_of(comparison: dict, *others: dict[str, float]) -> dict:
    """A sweep over seeds with a comparison's own run, and others whose scores are so many points higher."""
    methods = {}
    for row in comparison["systems"]:
        if row["kind"] == "method":
            own = {name: score["mean"] for name, score in row["scores"].items()}
            shifts = [(str(number), moved.get(row["name"], 0.0)) for number, moved in enumerate(({}, *others))]
            methods[row["name"]] = {seed: {name: value + by for name, value in own.items()} for seed, by in shifts}
    return {"dialogues": COUNT, "methods": methods}


@pytest.fixture
def compare_with_seeds(three, paths):
    """The comparison again with a sweep over seeds; its JSON and its Markdown."""

    def compared(*others: dict[str, float]) -> tuple[dict, str]:
        shutil.copytree(three[0].root, paths.root, dirs_exist_ok=True)
        files.write_json(paths.seeds, seeds_of(three[1], *others))
        return run(paths, THREE)

    return compared


def test_a_difference_that_seeds_move_by_more_than_it_is_is_not_significant(compare_with_seeds):
    comparison, page = compare_with_seeds({"lora": 30.0}, {"lora": -30.0})
    found = pair(comparison, "full", "lora")
    assert found.over_dialogues.significant and found.over_seeds.low < 0 < found.over_seeds.high
    assert "| not significant across 3 seeds |" in page
    assert comparison["verdict"][-1].endswith("not significant between lora and zero_shot; full and lora.")
    assert "is not significant across 3 seeds" in comparison["verdict"][0]
    assert not is_significant(found)
    assert is_significant(pair(comparison, "full", "zero_shot"))


def test_seeds_that_reverse_a_difference_overturn_it(compare_with_seeds):
    shifts = ({"lora": 60.0}, {"lora": 59.0}, {"lora": 61.0}, {"lora": 60.0}, {"lora": 60.0})
    comparison, page = compare_with_seeds(*shifts)
    found = pair(comparison, "full", "lora")
    assert found.over_dialogues.significant and found.over_dialogues.difference > 0 > found.over_seeds.high
    assert not is_significant(found)
    assert "reversed across 6 seeds" in page


def test_two_seeds_are_too_few_to_overturn_what_the_dialogues_say(compare_with_seeds):
    comparison, page = compare_with_seeds({"lora": 30.0})
    found = pair(comparison, "full", "lora")
    assert found.over_seeds.seeds == 2 and found.over_seeds.low < 0 < found.over_seeds.high
    assert is_significant(found)
    assert "not significant across" not in page


def test_a_difference_beyond_seeds_stays_significant_and_means_and_spreads_are_shown(compare_with_seeds):
    comparison, page = compare_with_seeds({"lora": 0.5, "full": 0.25}, {"lora": -0.5, "full": -0.25})
    assert is_significant(pair(comparison, "full", "lora"))
    lora = systems(comparison)["lora"]
    assert lora["seeds"]["rouge1"]["sd"] == pytest.approx(0.5)
    assert lora["seeds"]["rouge1"]["mean"] == pytest.approx(lora["scores"]["rouge1"]["mean"])
    assert f"{lora['scores']['rouge1']['mean']:.1f} ± 0.5 (3)" in page
    assert comparison["verdict"][-1].startswith("Over 3 seeds ROUGE-1 is ")
    assert " to " in row_of(table(page, "minus", "over seeds"), "full")["over seeds"]


def test_a_sweep_over_seeds_of_another_configuration_is_left_out(three, paths):
    shutil.copytree(three[0].root, paths.root, dirs_exist_ok=True)
    foreign = seeds_of(three[1], {"lora": 1.0})
    for by_seed in foreign["methods"].values():
        for scores in by_seed.values():
            scores["rouge2"] += 0.125
    files.write_json(paths.seeds, foreign)
    again, _ = run(paths, THREE)
    assert not any("seeds" in row for row in [*again["systems"], *again["pairs"]["rouge1"]])
    assert "Each method was trained once" in again["verdict"][-1]
