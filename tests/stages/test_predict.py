"""`predict`: your own inputs are answered as the test set is, in any form, and a stopped run goes on."""

import csv
import io
import json
import sys
import tracemalloc
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import yaml

from pipeline import generate, predict, template
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import SPLITS, Paths
from pipeline.inference import predictor
from pipeline.inference.settings import current
from pipeline.models.tuned import DEMONSTRATIONS, save_tuned
from pipeline.tables.examples import Columns
from pipeline.tables.inputs import STDIN, read_inputs
from tests import tiny
from tests.systems import RECORDS, SUMMARIES

COLUMNS = Columns("dialogue", "summary", ["none"])
RUNS = ("zero_shot", "few_shot-1", "lora-1")


@pytest.fixture
def project(tmp_path, base, architecture, monkeypatch) -> Paths:
    """A folder with a base and three runs, which is the current one, and their outputs for the test set."""
    monkeypatch.chdir(tmp_path)
    paths = Paths()
    values = yaml.safe_load((tiny.ROOT / "params.yaml").read_text())
    values |= {
        "methods": ["zero_shot", "few_shot", "lora"],
        "seeds_of": {"zero_shot": [], "few_shot": [1], "lora": [1]},
    }
    values["model"] |= {"architecture": architecture, "chat": False}
    values["generate"] |= {"max_new_tokens": 6, "batch_size": 2, "num_beams": 2}
    Path("params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    paths.base_model.parent.mkdir()
    paths.base_model.symlink_to(base)
    tiny.write_limits(paths)
    for split in SPLITS:
        files.write_jsonl(paths.records(split), RECORDS[:5])
    model, phrasing = tiny.model_params(architecture), tiny.template_params()
    template.run(paths, seed=values["seed"], task=SUMMARIES, template=phrasing, model=model)
    files.write_jsonl(paths.tuned_model("zero_shot") / DEMONSTRATIONS, [])
    files.write_jsonl(paths.tuned_model("few_shot-1") / DEMONSTRATIONS, files.read_jsonl(paths.prompts("train"))[3:])
    save_tuned(tiny.adapted("lora", base, architecture), paths.tuned_model("lora-1"))
    settings = tiny.generate_params(max_new_tokens=6, batch_size=2, num_beams=2)
    for run in RUNS:
        generate.run(run, paths, model=model, template=phrasing, generate=settings)
    files.write_jsonl(Path("calls.jsonl"), [{key: row[key] for key in ("id", "dialogue")} for row in RECORDS[:5]])
    return paths


def run(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["predict", *arguments])
    predict.main()


def expected(paths: Paths, run: str) -> list[str]:
    return [row["prediction"] for row in files.read_jsonl(paths.predictions(run))]


def test_outputs_are_those_of_generate(project, monkeypatch):
    for name in RUNS:
        run(monkeypatch, name, "calls.jsonl", "--output", f"{name}.jsonl", "--chunk", "2")
        assert [row["prediction"] for row in files.read_jsonl(Path(f"{name}.jsonl"))] == expected(project, name)
    assert [row["id"] for row in files.read_jsonl(Path("lora-1.jsonl"))] == [row["id"] for row in RECORDS[:5]]


def test_worked_examples_over_the_limit_are_shortened_as_generate_shortens_them(project, architecture, monkeypatch):
    tiny.write_limits(project, max_source_tokens=48)
    settings = tiny.generate_params(max_new_tokens=6, batch_size=2, num_beams=2)
    model = tiny.model_params(architecture)
    generate.run("few_shot-1", project, model=model, template=tiny.template_params(), generate=settings)
    (example, *_) = files.read_jsonl(project.tuned_model("few_shot-1") / DEMONSTRATIONS)
    answerer = predictor.Predictor(current(project), project.base_model, project.tuned_model("few_shot-1"))
    assert len(answerer.examples[0]["instruction"]) < len(example["instruction"])
    run(monkeypatch, "few_shot", "calls.jsonl", "--output", "few_shot.jsonl")
    assert [row["prediction"] for row in files.read_jsonl(Path("few_shot.jsonl"))] == expected(project, "few_shot-1")


def test_several_methods_are_columns_side_by_side(project, monkeypatch, capsys):
    run(monkeypatch, "all", "calls.jsonl", "--output", "all.jsonl")
    assert list(files.read_jsonl(Path("all.jsonl"))[0]) == ["id", "zero_shot", "few_shot", "lora"]
    run(monkeypatch, "lora,zero_shot", "calls.jsonl", "--output", "both.csv")
    with Path("both.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["id", "lora", "zero_shot"]
    for name, run_name in (("lora", "lora-1"), ("zero_shot", "zero_shot")):
        assert [row[name] for row in rows] == expected(project, run_name)
    capsys.readouterr()
    run(monkeypatch, "lora", "calls.jsonl")  # on standard output nothing but the rows
    assert [json.loads(line)["prediction"] for line in capsys.readouterr().out.splitlines()] == expected(
        project, "lora-1"
    )


def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(project, monkeypatch, capsys):
    run(monkeypatch, "lora", "calls.jsonl", "--output", "whole.jsonl", "--chunk", "2")
    write, calls = predictor.Predictor.write, []

    def stopped(self, records, label):
        calls.append(label)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write(self, records, label)

    monkeypatch.setattr(predictor.Predictor, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, "lora", "calls.jsonl", "--output", "part.jsonl", "--chunk", "2")
    with Path("part.jsonl").open("a") as lines:
        lines.write('{"id": "d2", "predi')  # as a kill in the middle of a line leaves it
    capsys.readouterr()
    run(monkeypatch, "lora", "calls.jsonl", "--output", "part.jsonl", "--chunk", "2")
    assert "goes on after 2 rows" in capsys.readouterr().out
    assert calls == ["lora, rows 1 to 2", "lora, rows 3 to 4", "lora, rows 3 to 4", "lora, rows 5 to 5"]
    assert Path("part.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()
    assert not Path("part.jsonl.progress.json").exists()


def test_nothing_is_overwritten_or_mixed(project, monkeypatch):
    Path("mine.jsonl").write_text("mine")
    with pytest.raises(InputError, match=r"mine.jsonl: exists already"):
        run(monkeypatch, "lora", "calls.jsonl", "--output", "mine.jsonl")
    assert Path("mine.jsonl").read_text() == "mine"
    files.write_json(Path("mine.jsonl.progress.json"), {"key": "other", "rows": 1, "bytes": 1})
    with pytest.raises(InputError, match=r"begun with other inputs, models or settings; delete it and mine.jsonl.prog"):
        run(monkeypatch, "lora", "calls.jsonl", "--output", "mine.jsonl")
    with pytest.raises(InputError, match="there is no folder nowhere"):
        run(monkeypatch, "lora", "calls.jsonl", "--output", "nowhere/x.jsonl")


def test_a_bad_row_is_told_before_anything_is_answered_and_skipped_only_if_asked(project, monkeypatch, capsys):
    lines = Path("calls.jsonl").read_text().splitlines()
    Path("calls.jsonl").write_text("\n".join([lines[0], "{", lines[1], '{"id": "x", "dialogue": " "}', ""]))
    with pytest.raises(InputError, match=r"calls.jsonl:2: not JSON.*; correct it, or .* --skip-bad"):
        run(monkeypatch, "lora", "calls.jsonl", "--output", "out.jsonl")
    assert not Path("out.jsonl").exists()
    run(monkeypatch, "lora", "calls.jsonl", "--output", "out.jsonl", "--skip-bad")
    assert [row["id"] for row in files.read_jsonl(Path("out.jsonl"))] == ["d0", "d1"]
    said = capsys.readouterr().err
    assert said.count("skipped calls.jsonl:2: not JSON") == 1
    assert "skipped calls.jsonl:4: column 'dialogue' is empty" in said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loha", "no trained method 'loha'; there are zero_shot, few_shot, lora, few_shot-1, lora-1"),
        ("lora-2", "no trained method 'lora-2'; its runs: lora-1"),
    ],
)
def test_a_method_that_was_not_trained_is_refused(project, monkeypatch, name, message):
    with pytest.raises(InputError, match=message):
        run(monkeypatch, name, "calls.jsonl", "--output", "out.jsonl")


def texts(path: Path, columns: Columns = COLUMNS, **changes) -> list[tuple[str, str, str]]:
    found = read_inputs(path, columns, "dialogue", changes.get("id_column"))
    return [(one.id, one.fields.get("dialogue", ""), one.bad) for one in found]


def test_every_form_of_input_is_read_alike(tmp_path, monkeypatch):
    rows = [{"id": "a", "dialogue": "A: Hi.\nB: Yes?"}, {"id": "b", "dialogue": "A: Bye."}]
    files.write_jsonl(tmp_path / "x.jsonl", rows)
    (tmp_path / "x.json").write_text(json.dumps(rows))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "x.parquet")
    (tmp_path / "x.csv").write_text('id,dialogue\na,"A: Hi.\nB: Yes?"\nb,A: Bye.\n')
    found = [("a", "A: Hi.\nB: Yes?", ""), ("b", "A: Bye.", "")]
    for name in ("x.jsonl", "x.json", "x.parquet", "x.csv"):
        assert texts(tmp_path / name) == found
    (tmp_path / "x.txt").write_text("\n\nA: Hi.\nB: Yes?\n\n\nA: Bye.")
    numbered = [("1", "A: Hi.\nB: Yes?", ""), ("2", "A: Bye.", "")]
    assert texts(tmp_path / "x.txt") == numbered
    monkeypatch.setattr(sys, "stdin", io.StringIO((tmp_path / "x.txt").read_text()))
    assert texts(STDIN) == numbered
    monkeypatch.setattr(sys, "stdin", io.StringIO((tmp_path / "x.jsonl").read_text()))
    assert texts(STDIN) == found


def test_columns_are_found_by_the_data_sets_name_or_the_fields(tmp_path):
    files.write_jsonl(tmp_path / "x.jsonl", [{"key": 7, "call": "A: Hi."}, {"key": 8, "dialogue": "A: Bye."}])
    columns = Columns("call", "summary", [])
    assert texts(tmp_path / "x.jsonl", columns, id_column="key") == [("7", "A: Hi.", ""), ("8", "A: Bye.", "")]
    assert texts(tmp_path / "x.jsonl", columns, id_column="no")[0][2] == "no column 'no'"
    with pytest.raises(InputError, match="a text, and the task needs dialogue, question"):
        (tmp_path / "x.txt").write_text("A: Hi.")
        texts(tmp_path / "x.txt", Columns("dialogue", "answer", [], {"question": "question"}))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", b"", "nothing in it"),
        ("x.jsonl", b'[{"dialogue": "A"}]', "an array of JSON; let its name end in .json"),
        ("x.jsonl", b'{"dialogue": "\xff"}', "not UTF-8"),
        ("x.xlsx", b"PK", "an Excel workbook"),
        ("y.jsonl", None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        texts(tmp_path / name)


@pytest.mark.slow
def test_a_hundred_thousand_rows_take_no_memory(tmp_path):
    path = tmp_path / "many.jsonl"
    with path.open("w") as lines:
        for number in range(100_000):
            lines.write(json.dumps({"id": number, "dialogue": f"A: Is it {number}?\nB: Yes. " * 20}) + "\n")
    tracemalloc.start()
    count = sum(1 for one in read_inputs(path, COLUMNS, "dialogue", None) if not one.bad)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 2 * 2**20
