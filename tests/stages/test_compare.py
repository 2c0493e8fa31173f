"""The comparison: rows of methods, yardsticks and external systems, paired tests, flags, verdict and page."""

import json
import shutil
import subprocess
import sys

import pytest

from pipeline import baselines, compare, score
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.evaluation.verdict import p_value, pair, really, verdict
from pipeline.reporting import comparison_tables
from tests.test_score import SETTINGS, settings

COUNT = 30
RECORDS = [
    {
        "id": f"d{number}",
        "dialogue": f"#Person1#: My order {number} is late.\n#Person2#: It will come on Monday, I promise you that.",
        "references": [
            f"The order {number} is late but should come on Monday.",
            f"A late order, number {number}, is promised for Monday.",
        ],
    }
    for number in range(COUNT)
]
GOOD = [f"The order {number} is late and will come on Monday." for number in range(COUNT)]
FAIR = [text if number % 3 else "It is about an order." for number, text in enumerate(GOOD)]
POOR = ["Somebody talks to somebody."] * COUNT
TRAINED = {
    "trainable_parameters": 2_500,
    "bytes": 3 * 2**20,
    "real_tokens": 60_000,
    "seconds": {"load": 1.0, "train": 20.0, "validation": 2.0},
    "seconds_to_best": 15.0,
    "peak_mib": {"train": 2048.0},
}


def write(folder, name, texts, trained=None, right=None, losses=(3.0, 2.0, 1.0)):
    """All that the stages before leave of one system; `trained` is None for one made elsewhere."""
    files.write_jsonl(folder / "test.jsonl", RECORDS)
    rows = [{"id": f"d{number}", "prediction": text, "ended": True} for number, text in enumerate(texts)]
    files.write_jsonl(folder / f"predictions/{name}.jsonl", rows)
    outputs = [folder / f"scores/{name}.json", folder / f"dialogues/{name}.parquet"]
    score.run(folder / f"predictions/{name}.jsonl", folder / "test.jsonl", *outputs, score=settings())
    if trained is None:
        return
    train = {"method": name, "trainable_parameters": 0, "total_parameters": 100_000, "bytes": 0, "base_bytes": 2**20}
    train |= trained
    files.write_json(folder / f"runs/train/{name}.json", train)
    timed = {"seconds_per_dialogue": 0.25, "tokens_per_second": 80.0}
    fast = {"seconds_per_dialogue": 0.05, "tokens_per_second": 400.0}
    speed = {"dialogues": 6, "merged, batch 1": timed, "merged, batch 32": fast}
    if name == "lora":
        speed |= {"unmerged, batch 1": timed, "unmerged, batch 32": timed}
    generate = {
        "seconds": {"load": 9.0, "generate": 4.0},
        "peak_mib": {"load": 700.0, "generate": 1500.0},
        "new_tokens": 1000,
        "extra_prompt_tokens": 0.0,
        "speed": speed,
    }
    files.write_json(folder / f"runs/generate/{name}.json", generate)
    right = right or [True] * 20
    answers = [{"id": str(k), "task": ("number", "mood")[k % 2], "right": hit} for k, hit in enumerate(right)]
    files.write_jsonl(folder / f"answers/{name}.jsonl", answers)
    each = {task: sum(right[k::2]) / len(right[k::2]) for k, task in enumerate(("number", "mood"))}
    kept = {"questions": 20, "by_choice": 0, "right": each | {"mean": sum(each.values()) / 2}}
    tokens = [10, 10, 20]
    nats = [loss * count for loss, count in zip(losses, tokens)]
    kept["text_loss"] = {"mean": sum(nats) / sum(tokens), "nats": nats, "tokens": tokens}
    files.write_json(folder / f"retention/{name}.json", kept)


def run(folder, methods, **changes):
    baselines.run(folder / "test.jsonl", folder / "yardsticks", score=settings())
    inputs = [
        folder / name for name in ("scores", "dialogues", "yardsticks", "retention", "answers", "runs", "seeds.json")
    ]
    compare.run(
        *inputs, folder / "c.json", folder / "c.md", folder / "c.tsv", methods=methods, score=settings(**changes)
    )
    return json.loads((folder / "c.json").read_text()), (folder / "c.md").read_text()


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """zero_shot poor, lora fair, full good; lora forgets a quarter."""
    folder = tmp_path_factory.mktemp("three")
    write(folder, "zero_shot", POOR, {})
    write(folder, "lora", FAIR, TRAINED, [True, False, True, True] * 5)
    write(folder, "full", GOOD, TRAINED | {"trainable_parameters": 100_000})
    return folder, *run(folder, ["zero_shot", "lora", "full"])


def rows(found):
    return {row["name"]: row for row in found["systems"]}


def cells(page):
    """The tables of a page: a list of rows, each a list of cells."""
    tables = [block.strip().splitlines() for block in page.split("\n\n") if block.startswith("|")]
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in table] for table in tables]


def test_yardsticks_come_first_then_methods_in_their_order(three):
    _, found, _ = three
    names = [row["name"] for row in found["systems"]]
    assert set(names[:3]) == {"human", "lead", "longest_turn"}
    assert names[3:] == ["zero_shot", "lora", "full"]
    points = [row["scores"]["rouge1"]["mean"] for row in found["systems"][:3]]
    assert points == sorted(points)


def test_a_plot_has_a_line_for_each_system(three):
    folder, found, _ = three
    head, *lines = [line.split("\t") for line in (folder / "c.tsv").read_text().splitlines()]
    assert head == ["rouge1", "system"]
    assert lines == [[f"{row['scores']['rouge1']['mean']:.2f}", row["name"]] for row in found["systems"]]


def test_costs_are_those_of_the_run_records(three):
    lora = rows(three[1])["lora"]
    assert (lora["share"], lora["bytes"]) == (0.025, 3 * 2**20)
    assert lora["cost"] == {
        "train_seconds": 20.0,
        "seconds_to_best": 15.0,
        "validation_seconds": 2.0,
        "train_tokens_per_second": 3000.0,
        "load_peak_mib": 700.0,
        "train_peak_mib": 2048.0,
        "generate_seconds": 4.0,
        "generate_tokens_per_second": 250.0,
        "generate_peak_mib": 1500.0,
    }


def test_a_better_system_is_found_and_the_difference_is_that_of_the_means(three):
    _, found, _ = three
    row = pair(found, "full", "lora")
    means = {name: row["scores"]["rouge1"]["mean"] for name, row in rows(found).items()}
    assert row["difference"] == pytest.approx(means["full"] - means["lora"])
    assert row["real"] and row["low"] > 0
    turned = pair(found, "lora", "full")
    assert (turned["difference"], turned["low"]) == (-row["difference"], -row["high"])
    assert {len(each) for each in found["pairs"].values()} == {3}


def test_p_values_are_corrected_for_the_number_of_pairs(three):
    for each in three[1]["pairs"].values():
        assert all(row["p_holm"] >= row["p"] for row in each)
        assert max(row["p_holm"] / row["p"] for row in each) == pytest.approx(3)  # the smallest of three


def test_two_systems_that_say_the_same_are_not_told_apart(tmp_path):
    write(tmp_path, "lora", GOOD, TRAINED)
    write(tmp_path, "full", GOOD, TRAINED | {"trainable_parameters": 100_000})
    found, page = run(tmp_path, ["lora", "full"])
    row = pair(found, "full", "lora")
    assert (row["difference"], row["p"], row["real"]) == (0, 1, False)
    assert "may be chance" in page
    assert "take lora" in found["verdict"][1] and "difference" not in found["verdict"][1]  # it was told just before


def test_what_was_forgotten_is_a_difference_with_an_interval(three):
    _, found, page = three
    change = rows(found)["lora"]["retention_change"]
    assert change["mean"] == -25
    assert -45 < change["low"] < -25 < change["high"] < -5
    assert rows(found)["full"]["retention_change"] == {"mean": 0, "low": 0, "high": 0}
    forgetting = cells(page)[-2]
    assert forgetting[0] == ["method", "number", "mood", "mean", "mean minus zero_shot", "95 %"]
    assert forgetting[3][:5] == ["lora", "100", "50", "75", "-25.0"]


def test_the_loss_on_held_out_text_is_a_difference_over_the_texts(tmp_path):
    write(tmp_path, "zero_shot", POOR, {}, losses=(3.0, 2.0, 1.0))
    write(tmp_path, "lora", GOOD, TRAINED, losses=(3.5, 2.5, 1.5))
    write(tmp_path, "full", GOOD, TRAINED, losses=(3.0, 2.0, 4.0))
    found, page = run(tmp_path, ["zero_shot", "lora", "full"])
    assert rows(found)["lora"]["text_loss_change"] == pytest.approx({"mean": 0.5, "low": 0.5, "high": 0.5})
    assert rows(found)["full"]["text_loss_change"] == pytest.approx({"mean": 1.5, "low": 0.0, "high": 3.0})
    table = cells(page)[-1]
    assert table[0] == ["method", "nats a token", "minus zero_shot", "95 %"]
    assert table[3] == ["lora", "2.250", "+0.500", "+0.500 to +0.500"]


def test_the_page_says_how_many_questions_were_answered_by_choice(tmp_path):
    write(tmp_path, "zero_shot", POOR, {})
    path = tmp_path / "retention/zero_shot.json"
    path.write_text(path.read_text().replace('"by_choice": 0', '"by_choice": 4'))
    _, page = run(tmp_path, ["zero_shot"])
    assert "20 questions that no method was tuned on, 4 of them by the likeliest choice." in page


def test_a_copy_of_the_references_is_flagged_as_above_people(tmp_path):
    write(tmp_path, "full", [row["references"][0] for row in RECORDS], TRAINED)
    write(tmp_path, "zero_shot", POOR, {})
    found, page = run(tmp_path, ["zero_shot", "full"])
    assert rows(found)["full"]["flags"] == ["above human"]
    assert rows(found)["full"]["further"]["rouge1_max"] == pytest.approx(100)
    assert {"below lead", "below longest_turn"} == set(rows(found)["zero_shot"]["flags"])
    assert "above human" in page and "below lead; below longest_turn" in page


def test_an_external_system_is_a_row_without_costs(tmp_path):
    write(tmp_path, "zero_shot", POOR, {})
    write(tmp_path, "published", GOOD)
    found, page = run(tmp_path, ["zero_shot"], external={"published": "p.jsonl"})
    row = rows(found)["published"]
    assert (row["kind"], "cost" in row) == ("external", False)
    assert pair(found, "published", "zero_shot")["real"]
    quality, _, cost, _, _, health, *_ = cells(page)
    assert [line[0] for line in quality][-2:] == ["zero_shot", "published"]
    assert [line[0] for line in cost[2:]] == ["zero_shot"]
    assert [line[0] for line in health[2:]] == ["zero_shot", "published"]


def test_without_zero_shot_nothing_is_said_of_what_was_lost(tmp_path):
    write(tmp_path, "lora", FAIR, TRAINED)
    found, page = run(tmp_path, ["lora"])
    assert "retention_change" not in rows(found)["lora"]
    assert cells(page)[-2][0][-1] == "mean"
    assert cells(page)[-1][0] == ["method", "nats a token"]
    assert found["pairs"]["rouge1"] == []


def test_every_table_of_the_page_has_as_many_cells_in_each_row(three):
    _, _, page = three
    tables = cells(page)
    assert len(tables) == 8
    for table in tables:
        assert {len(row) for row in table} == {len(table[0])}
    zero_shot = ["zero_shot", "0", "100,000", "0.00 %", "0 B", "-", "-", "-", "4.0 s", "250"]
    assert tables[2][2] == zero_shot
    lora = ["lora", "2,500", "100,000", "2.50 %", "3.0 MiB", "20.0 s", "3,000", "15.0 s"]
    assert tables[2][3] == lora + zero_shot[8:]
    assert tables[3][2:4] == [
        ["zero_shot", "700 MiB", "-", "1,500 MiB"],
        ["lora", "700 MiB", "2,048 MiB", "1,500 MiB"],
    ]
    assert "rouge_score" in page
    fast = ["0.250 s", "80", "0.050 s", "400", "0"]
    assert tables[4][2:] == [
        ["zero_shot", *fast, "1.0 MiB"],
        ["lora", *fast, "31.0 MiB"],
        ["lora, unmerged", "0.250 s", "80", "0.250 s", "80", "0", "31.0 MiB"],
        ["full", *fast, "30.0 MiB"],
    ]


def test_the_verdict_names_shares_and_the_difference(three):
    said = three[1]["verdict"]
    lora, full = (rows(three[1])[name]["scores"]["rouge1"]["mean"] for name in ("lora", "full"))
    share = 100 * lora / full
    assert said[0].startswith(f"lora reaches {share:.0f} % of full fine-tuning's ROUGE-1 with 2.5 % of the parameters;")
    assert "is real (corrected p" in said[0]
    assert said[1].startswith("For summaries like these, take full: it scores best")
    assert "another seed" in said[2]


def test_a_verdict_on_methods_that_train_nothing(tmp_path):
    write(tmp_path, "zero_shot", POOR, {})
    write(tmp_path, "few_shot", FAIR, {"bytes": 4000})
    found, _ = run(tmp_path, ["zero_shot", "few_shot"])
    assert found["verdict"] == [
        "For summaries like these, take few_shot: it scores best and trains no more than the others."
    ]
    assert verdict(found | {"systems": [row for row in found["systems"] if row["kind"] == "yardstick"]}) == []


@pytest.mark.parametrize(
    ("p", "text"), [(0.0001, "p < 0.001"), (0.0123, "p = 0.012"), (0.0496, "p = 0.0496"), (0.76, "p = 0.76")]
)
def test_a_p_value_is_rounded_as_papers_do(p, text):
    assert p_value(p) == text


def test_a_table_is_aligned_for_a_reader_of_plain_text():
    assert (
        comparison_tables.table([["method", "x"], ["a", "1.5"]])
        == "| method |   x |\n|--------|----:|\n| a      | 1.5 |\n"
    )


def test_a_bar_in_a_name_is_no_column():
    assert comparison_tables.table([["a|b"], ["c"]]).splitlines()[0] == r"| a\|b |"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (78053, "76.2 KiB"), (2**20, "1.0 MiB"), (3 * 2**29, "1.50 GiB")],
)
def test_a_size_is_in_the_unit_that_reads_best(count, text):
    assert comparison_tables.size(count) == text


def test_comparing_imports_neither_torch_nor_transformers(three):
    folder, _, _ = three
    (folder / "params.yaml").write_text(json.dumps({"methods": ["zero_shot", "lora", "full"], "score": SETTINGS}))
    code = (
        "import sys; sys.argv = ['compare', 'scores', 'dialogues', 'yardsticks', 'retention', 'answers', 'runs', "
        "'seeds.json', 'new.json', 'new.md', 'new.tsv']\n"
        "from pipeline import compare, stage\nstage.command(compare.run)\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    environment = {"PYTHONPATH": str(compare.__file__).rpartition("/pipeline/")[0], "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "new.json").read_text() == (folder / "c.json").read_text()


def test_metrics_of_evaluate_have_columns_of_their_own(tmp_path):
    for method, value in (("zero_shot", 1.5), ("lora", 2.5)):
        write(tmp_path, method, GOOD, TRAINED if method == "lora" else {})
        path = tmp_path / f"scores/{method}.json"
        path.write_text(path.read_text().replace('"evaluate": {}', f'"evaluate": {{"chrf": {{"score": {value}}}}}'))
    _, page = run(tmp_path, ["zero_shot", "lora"])
    quality, *_ = cells(page)
    assert quality[0][7] == "chrf score"
    assert [row[7] for row in quality[2:]] == ["", "", "", "1.5", "2.5"]


def test_scores_of_different_conventions_are_not_compared(tmp_path):
    write(tmp_path, "zero_shot", POOR, {})
    write(tmp_path, "lora", GOOD, TRAINED)
    path = tmp_path / "scores/lora.json"
    path.write_text(path.read_text().replace("|F1", "|recall"))
    with pytest.raises(InputError, match=r"lora was scored as .*\|recall"):
        run(tmp_path, ["zero_shot", "lora"])


def test_answers_to_other_questions_are_not_compared(tmp_path):
    write(tmp_path, "zero_shot", POOR, {})
    write(tmp_path, "lora", GOOD, TRAINED, [True] * 18)
    with pytest.raises(InputError, match="zero_shot and lora answered other questions"):
        run(tmp_path, ["zero_shot", "lora"])


def test_scores_without_near_duplicates_of_train_stand_below(tmp_path, monkeypatch):
    near = [row | {"near": "train-3"} if number < 2 else row for number, row in enumerate(RECORDS)]
    monkeypatch.setitem(globals(), "RECORDS", near)
    write(tmp_path, "zero_shot", FAIR, {})
    found, page = run(tmp_path, ["zero_shot"])
    assert f"2 of the {COUNT} test dialogues look much like one of train. Without them:" in page
    clean = cells(page)[1]
    assert {row[0] for row in clean[2:]} == {"zero_shot", "human", "lead", "longest_turn"}
    assert clean[-1][1].startswith(f"{rows(found)['zero_shot']['clean']['scores']['rouge1']['mean']:.1f} [")
    assert rows(found)["zero_shot"]["clean"]["dialogues"] == COUNT - 2


def test_a_test_set_that_is_all_like_train_is_said_aloud(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "RECORDS", [row | {"near": "train-3"} for row in RECORDS])
    write(tmp_path, "zero_shot", FAIR, {})
    _, page = run(tmp_path, ["zero_shot"])
    assert f"**{COUNT} of the {COUNT} test dialogues look much like one of train**" in page
    assert "Without them" not in page


@pytest.mark.parametrize("asked", [1, 2])
def test_all_that_was_known_and_is_gone_is_a_hundred_points_of_few_questions_too(tmp_path, asked):
    write(tmp_path, "zero_shot", POOR, {}, [True] * 2 * asked)
    write(tmp_path, "lora", GOOD, TRAINED, [False] * 2 * asked)
    found, _ = run(tmp_path, ["zero_shot", "lora"])
    assert rows(found)["lora"]["retention_change"] == {"mean": -100, "low": -100, "high": -100}


def test_too_few_resamples_to_call_anything_real_are_refused(tmp_path):
    write(tmp_path, "zero_shot", POOR, {})
    write(tmp_path, "lora", GOOD, TRAINED)
    with pytest.raises(InputError, match=r"^score.resamples: 10 are too few: .* 1 differences .* take 200 or more"):
        run(tmp_path, ["zero_shot", "lora"], resamples=10)


def judged(found, **changes):
    """The verdict on a comparison whose systems are changed: name -> columns."""
    systems = [row | changes.get(row["name"], {}) for row in found["systems"]]
    return verdict(found | {"systems": systems})


def test_a_smaller_method_is_taken_only_where_it_surely_comes_near(three):
    _, found, _ = three
    low = pair(found, "lora", "full")["low"]
    assert verdict(found | {"margin": -low - 0.1})[1].startswith("For summaries like these, take full: it scores best")
    taken = verdict(found | {"margin": -low + 0.1})[1]
    assert taken.startswith("For summaries like these, take lora: it is the smallest that surely comes within ")


def test_what_lies_below_the_floors_is_never_taken_and_warnings_are_passed_on(three):
    _, found, _ = three
    assert "take lora" in judged(found | {"margin": 100.0})[1]  # and not zero_shot, within a hundred points too
    flags = {name: {"flags": ["below lead"]} for name in ("zero_shot", "lora", "full")}
    assert judged(found, **flags)[1] == "None of these is worth taking: full, which scores best, lies below lead."
    assert judged(found, full={"warnings": ["9 % are empty"]})[1].endswith(" Mind: 9 % are empty.")


def test_few_dialogues_are_said_to_be_too_few(three):
    _, found, _ = three
    said = "dialogues no difference can be called real: they are too few."
    assert any(said in sentence for sentence in verdict(found | {"dialogues": 6}))  # 3 pairs: 3 * 2 / 2 ** 6 = 0.09
    assert not any(said in sentence for sentence in verdict(found | {"dialogues": 7}))


def test_what_was_made_elsewhere_has_its_place_in_the_verdict(tmp_path):
    write(tmp_path, "lora", FAIR, TRAINED)
    write(tmp_path, "api", GOOD)
    found, _ = run(tmp_path, ["lora"], external={"api": "a.jsonl"})
    assert found["verdict"][0] == "lora alone was measured: there is nothing to choose from."
    assert found["verdict"][1].startswith("api, made elsewhere, is better still: the difference of +")
    write(tmp_path, "old", POOR)
    found, page = run(tmp_path, [], external={"api": "a.jsonl", "old": "o.jsonl"})
    assert found["verdict"][0].startswith("api scores best; over old the difference of +")
    assert found["verdict"][0] in page


def seeds_of(found, *others):
    """A sweep over seeds that holds a comparison's own run, and others whose scores lie so many points higher."""
    each = {}
    for row in found["systems"]:
        if row["kind"] == "method":
            own = {name: one["mean"] for name, one in row["scores"].items()}
            shifts = [(str(number), moved.get(row["name"], 0.0)) for number, moved in enumerate(({}, *others))]
            each[row["name"]] = {seed: {name: value + by for name, value in own.items()} for seed, by in shifts}
    return {"dialogues": COUNT, "methods": each}


@pytest.fixture
def swept(three, tmp_path):
    """The comparison again beside a sweep over seeds; its JSON and its page."""

    def compared(*others):
        folder, found, _ = three
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
        files.write_json(tmp_path / "seeds.json", seeds_of(found, *others))
        return run(tmp_path, ["zero_shot", "lora", "full"])

    return compared


def test_a_difference_that_seeds_move_by_more_than_it_is_is_not_called_real(swept):
    found, page = swept({"lora": 30.0}, {"lora": -30.0})
    one = pair(found, "full", "lora")
    assert one["real"] and one["seeds"]["low"] < 0 < one["seeds"]["high"]
    assert "not settled by 3 seeds" in page
    assert found["verdict"][-1].endswith("they do not settle which is better of lora and zero_shot; full and lora.")
    assert "is not settled by 3 seeds" in found["verdict"][0]
    assert not really(one)
    assert really(pair(found, "full", "zero_shot"))


def test_seeds_that_turn_a_difference_about_overturn_it(swept):
    found, page = swept({"lora": 60.0}, {"lora": 59.0}, {"lora": 61.0}, {"lora": 60.0}, {"lora": 60.0})
    one = pair(found, "full", "lora")
    assert one["real"] and one["difference"] > 0 > one["seeds"]["high"]
    assert not really(one)
    assert "turned about by 6 seeds" in page


def test_two_seeds_are_too_few_to_overturn_what_the_dialogues_say(swept):
    found, page = swept({"lora": 30.0})
    one = pair(found, "full", "lora")
    assert one["seeds"]["seeds"] == 2 and one["seeds"]["low"] < 0 < one["seeds"]["high"]
    assert really(one)
    assert "not settled" not in page


def test_a_difference_beyond_seeds_stays_real_and_means_and_spreads_are_shown(swept):
    found, page = swept({"lora": 0.5, "full": 0.25}, {"lora": -0.5, "full": -0.25})
    assert really(pair(found, "full", "lora"))
    lora = rows(found)["lora"]
    assert lora["seeds"]["rouge1"]["sd"] == pytest.approx(0.5)
    assert lora["seeds"]["rouge1"]["mean"] == pytest.approx(lora["scores"]["rouge1"]["mean"])
    assert f"{lora['scores']['rouge1']['mean']:.1f} ± 0.5 (3)" in page
    assert found["verdict"][-1].startswith("Over 3 seeds ROUGE-1 is ")
    table = next(table for table in cells(page) if table[0][1] == "minus")
    assert table[0][-2] == "over seeds"


def test_a_sweep_over_seeds_of_another_configuration_is_left_out(three, tmp_path):
    folder, found, _ = three
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    foreign = seeds_of(found, {"lora": 1.0})
    for each in foreign["methods"].values():
        for scores in each.values():
            scores["rouge2"] += 0.125
    files.write_json(tmp_path / "seeds.json", foreign)
    again, _ = run(tmp_path, ["zero_shot", "lora", "full"])
    assert again == found
    assert "Each method was trained once" in again["verdict"][-1]
