import json
import subprocess
import sys

import pytest

from pipeline import compare, records, stage

NAMES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def write(folder, method, rouge, trained=None):
    """Score file and run records of one method, as score, train and generate leave them."""
    scores = {name: {"mean": rouge, "max": rouge + 0.1} for name in NAMES}
    more = {"bleu": {"score": 12.345}, "evaluate": {}, "rouge_signature": "rouge_score 1|F1"}
    records.write_json(folder / "scores" / f"{method}.json", scores | more)
    train = {"method": method, "trainable_parameters": 0, "total_parameters": 100_000, "bytes": 0} | (trained or {})
    records.write_json(folder / "runs/train" / f"{method}.json", train)
    exact = {"number": 0.9, "mood": rouge, "mean": (0.9 + rouge) / 2}
    records.write_json(folder / "retention" / f"{method}.json", {"questions": 20, "exact_match": exact})
    generate = {"seconds": {"load": 9.0, "generate": 4.0}, "peak_mib": {"generate": 1500.0}, "new_tokens": 1000}
    records.write_json(folder / "runs/generate" / f"{method}.json", generate)


TRAINED = {
    "trainable_parameters": 2_500,
    "total_parameters": 100_000,
    "bytes": 3 * 2**20,
    "real_tokens": 60_000,
    "seconds": {"load": 1.0, "train": 20.0, "validation": 2.0},
    "peak_mib": {"train": 2048.0},
}


def run(folder, methods):
    inputs = [folder / name for name in ("scores", "retention", "runs")]
    compare.run(*inputs, folder / "c.json", folder / "c.md", methods=methods)
    return json.loads((folder / "c.json").read_text()), (folder / "c.md").read_text()


def cells(page):
    """The tables of a page: a list of rows, each a list of cells."""
    tables = [block.strip().splitlines() for block in page.split("\n\n") if block.startswith("|")]
    lines = [[line for line in table if line.startswith("|")] for table in tables]
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in table] for table in lines]


def test_scores_differences_and_costs_stand_side_by_side(tmp_path):
    write(tmp_path, "zero_shot", 0.2)
    write(tmp_path, "lora", 0.39, TRAINED)
    write(tmp_path, "full", 0.4, TRAINED | {"trainable_parameters": 100_000})
    found, _ = run(tmp_path, ["zero_shot", "lora", "full"])
    assert found["rouge_signature"] == "rouge_score 1|F1"
    assert [row["method"] for row in found["methods"]] == ["zero_shot", "lora", "full"]
    lora = found["methods"][1]
    assert (lora["rouge1"], lora["rougeLsum_max"], lora["bleu"]) == (0.39, 0.49, 12.345)
    assert lora["minus_zero_shot"] == pytest.approx(dict.fromkeys(NAMES, 0.19))
    assert lora["minus_full"] == pytest.approx(dict.fromkeys(NAMES, -0.01))
    assert (lora["share"], lora["bytes"]) == (0.025, 3 * 2**20)
    assert lora["cost"] == {
        "train_seconds": 20.0,
        "validation_seconds": 2.0,
        "train_tokens_per_second": 3000.0,
        "train_peak_mib": 2048.0,
        "generate_seconds": 4.0,
        "generate_tokens_per_second": 250.0,
        "generate_peak_mib": 1500.0,
    }
    assert found["methods"][0]["minus_zero_shot"] == dict.fromkeys(NAMES, 0)


def test_the_page_has_three_tables_with_a_line_for_each_method(tmp_path):
    write(tmp_path, "zero_shot", 0.2)
    write(tmp_path, "lora", 0.39, TRAINED)
    write(tmp_path, "full", 0.4, TRAINED)
    _, page = run(tmp_path, ["zero_shot", "lora", "full"])
    quality, cost, forgetting = cells(page)
    assert [row[0] for row in quality] == ["method", "-" * len(quality[1][0]), "zero_shot", "lora", "full"]
    assert quality[0][5:] == ["BLEU", "ROUGE-1 minus zero_shot", "ROUGE-1 minus full"]
    assert quality[3] == ["lora", "39.00", "39.00", "39.00", "39.00", "12.35", "+19.00", "-1.00"]
    zero_shot = ["zero_shot", "0", "100,000", "0.00 %", "0 B", "-", "-", "-", "4.0 s", "1,500 MiB", "250"]
    assert cost[2] == zero_shot
    assert cost[3] == ["lora", "2,500", "100,000", "2.50 %", "3.0 MiB", "20.0 s", "2,048 MiB", "3,000", *zero_shot[8:]]
    assert forgetting[0] == ["method", "number", "mood", "mean", "mean minus zero_shot"]
    assert forgetting[2:4] == [["zero_shot", "90", "20", "55", "+0.0"], ["lora", "90", "39", "64", "+9.5"]]
    for table in (quality, cost, forgetting):
        assert {len(row) for row in table} == {len(table[0])}
    assert "`rouge_score 1|F1`" in page


def test_without_full_or_zero_shot_there_is_no_difference_to_them(tmp_path):
    write(tmp_path, "lora", 0.39, TRAINED)
    write(tmp_path, "few_shot", 0.3)
    found, page = run(tmp_path, ["lora", "few_shot"])
    assert not [key for row in found["methods"] for key in row if key.startswith("minus")]
    assert cells(page)[0][0][-1] == "BLEU"
    assert cells(page)[2][0][-1] == "mean"


def test_a_table_is_aligned_for_a_reader_of_plain_text():
    assert compare.table([["method", "x"], ["a", "1.5"]]) == "| method |   x |\n|--------|----:|\n| a      | 1.5 |\n"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (78053, "76.2 KiB"), (2**20, "1.0 MiB"), (3 * 2**29, "1.50 GiB")],
)
def test_a_size_is_in_the_unit_that_reads_best(count, text):
    assert compare.size(count) == text


def test_comparing_imports_neither_torch_nor_transformers(tmp_path):
    write(tmp_path, "lora", 0.39, TRAINED)
    code = (
        "import sys; from pathlib import Path; from pipeline import compare\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "inputs = [folder / name for name in ('scores', 'retention', 'runs')]\n"
        "compare.run(*inputs, folder / 'c.json', folder / 'c.md', methods=['lora'])\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_metrics_of_evaluate_have_columns_of_their_own(tmp_path):
    for method, value in (("zero_shot", 1.5), ("lora", 2.5)):
        write(tmp_path, method, 0.2)
        path = tmp_path / "scores" / f"{method}.json"
        path.write_text(path.read_text().replace('"evaluate": {}', f'"evaluate": {{"chrf": {{"score": {value}}}}}'))
    _, page = run(tmp_path, ["zero_shot", "lora"])
    quality, *_ = cells(page)
    assert quality[0][6] == "chrf score"
    assert [row[6] for row in quality[2:]] == ["1.5", "2.5"]


def test_scores_of_different_conventions_are_not_compared(tmp_path):
    write(tmp_path, "zero_shot", 0.2)
    write(tmp_path, "lora", 0.3)
    path = tmp_path / "scores" / "lora.json"
    path.write_text(path.read_text().replace("|F1", "|recall"))
    with pytest.raises(stage.Refused, match=r"lora was scored as rouge_score 1\|recall"):
        run(tmp_path, ["zero_shot", "lora"])
