"""Other tasks than summaries, from a person's file to scores: labels, and answers to questions about a text."""

import csv

import pytest

from pipeline import baselines, compare, external, generate, prepare, report, template
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import parse_section
from pipeline.core.paths import SPLITS, Paths
from pipeline.experiments import configuration
from pipeline.inference.likelihood import choice_log_likelihoods
from pipeline.models import architectures
from pipeline.models.prompts import tokenize_instruction
from pipeline.models.record_prompts import make_prompt
from pipeline.parameters.data import Data
from pipeline.parameters.model import Model
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template
from tests import tiny
from tests.systems import FREE_METRICS, NO_BENCHMARK, embedded_examples, settings

MAILS = ["-S task=classification", "data=local", "data.source_column=body", "data.target_column=category"]
PAGES = ["task=question_answering", "data=local", "data.source_column=page", "data.columns.question=query"]


def write_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def mails(folder):
    """60 mails of three categories, which are numbers in the file."""
    rows = [{"body": f"Mail {n}: it is about {'abc'[n % 3]}.", "category": 10 + n % 3} for n in range(60)]
    return write_csv(folder / "mails.csv", rows)


def pages(folder):
    """30 pages with two questions each."""
    rows = [
        {
            "page": f"The lamp of room {n} is {'red' if n % 2 else 'blue'} and {n} years old.",
            "query": query,
            "answer": answer,
        }
        for n in range(30)
        for query, answer in (("Which colour?", "red" if n % 2 else "blue"), ("How old?", f"{n} years"))
    ]
    return write_csv(folder / "pages.csv", rows)


def prepared(folder, source, options):
    """The records of a person's file, split by the stage `prepare`, and the sections that it was run with."""
    values = configuration.compose([option.removeprefix("-S ") for option in options] + [f"data.train={source}"])
    configuration.validate(values)
    task = parse_section(values["task"], Task, "task")
    paths = Paths(folder / "out")
    files.write_json(paths.raw_data / "source.json", {"files": "read where they are"})
    prepare.run(paths, seed=1, task=task, data=parse_section(values["data"], Data, "data"), score=settings())
    template.run(
        paths,
        seed=1,
        task=task,
        template=parse_section(values["template"], Template, "template"),
        model=tiny.model_params("seq2seq"),
    )
    return paths, task


def test_labels_of_a_csv_are_records_prompts_and_choices(tmp_path):
    paths, _ = prepared(tmp_path, mails(tmp_path), MAILS)
    test, train = files.read_jsonl(paths.records("test")), files.read_jsonl(paths.records("train"))
    assert len(train) == 48 and len(test) == 6
    for row in test:
        number = int(row["text"].split()[1].strip(":"))
        assert row["references"] == [str(10 + number % 3)]
        assert row["choices"] == ["10", "11", "12"]
    assert "choices" not in train[0]
    prompt = files.read_jsonl(paths.prompts("test"))[0]
    assert prompt["prompt"] == f"Which label fits this text?\n\n{test[0]['text']}\n\nLabel:"
    assert (prompt["completion"], prompt["source"]) == (test[0]["references"][0], test[0]["text"])


def test_two_questions_about_a_text_are_two_examples(tmp_path):
    paths, _ = prepared(tmp_path, pages(tmp_path), PAGES)
    records = [row for split in SPLITS for row in files.read_jsonl(paths.records(split))]
    assert len(records) == 60
    assert {row["question"] for row in records} == {"Which colour?", "How old?"}
    assert all(list(row)[:4] == ["id", "question", "context", "references"] for row in records)
    prompt = files.read_jsonl(paths.prompts("test"))[0]
    assert f"{prompt['source']}\n\nQuestion: " in prompt["prompt"] and prompt["prompt"].endswith("Answer:")


def test_as_many_labels_as_texts_are_refused_unless_none_is_looked_for(tmp_path):
    """A column of summaries, for instance: comparing each of them for each example would take hours."""
    rows = [{"body": f"Mail {n}.", "category": f"It is about {n}."} for n in range(1300)]
    source = write_csv(tmp_path / "own.csv", rows)
    with pytest.raises(InputError, match=r"train has 1,040 different labels, .* \(at most 1,000\): set task.by"):
        prepared(tmp_path, source, MAILS)
    paths, _ = prepared(tmp_path, source, [*MAILS, "task.by_choice=false"])
    assert "choices" not in files.read_jsonl(paths.records("test"))[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            [*PAGES[:3], "data.columns.question=asked"],
            r"no column 'asked' \(data.columns.question\); found page, query",
        ),
        ([*PAGES, "+data.columns.topic=query"], "data.columns.topic: question_answering has question beside context"),
        ([*PAGES, "data.source_column=text"], r"no column 'text' \(data.source_column\)"),
        ([*PAGES, "task.source=page"], "task.source: 'page' is none of task.fields"),
        ([*PAGES, "task.fields=[references,context]"], "task.fields: 'references' is a record's own"),
        ([*PAGES, "template=lab"], "template: 'lab' asks for summarization, and task=question_answering is question_"),
    ],
)
def test_a_column_or_field_that_is_not_there_is_named(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        prepared(tmp_path, pages(tmp_path), options)


def test_an_empty_field_is_an_empty_row(tmp_path):
    rows = [{"page": "A page.", "query": "" if n == 3 else f"Which {n}?", "answer": "one"} for n in range(20)]
    with pytest.raises(InputError, match=r"own.csv:5: column 'query' is empty"):
        prepared(tmp_path, write_csv(tmp_path / "own.csv", rows), PAGES)


def test_the_likeliest_label_stands_beside_what_is_written(tmp_path, base, architecture):
    paths, _ = prepared(tmp_path, mails(tmp_path), MAILS)
    paths.base_model.parent.mkdir(parents=True)
    paths.base_model.symlink_to(base)
    files.write_jsonl(paths.tuned_model("zero_shot") / "demonstrations.jsonl", [])
    tiny.write_limits(paths)
    generate.run(
        "zero_shot",
        paths,
        model=tiny.model_params(architecture),
        template=tiny.template_params(),
        generate=tiny.generate_params(max_new_tokens=4, batch_size=4),
    )
    model, rows = tiny.load(base, architecture), files.read_jsonl(paths.prompts("test"))
    prompts = [tokenize_instruction(row["instruction"], model) for row in rows]
    expected = choice_log_likelihoods(model, prompts, [row["choices"] for row in rows], 1, "x")
    found = files.read_jsonl(paths.predictions("zero_shot"))
    likeliest = [row["choices"][totals.index(max(totals))] for row, totals in zip(rows, expected)]
    assert [row["choice"] for row in found] == likeliest


@pytest.mark.parametrize(("write", "options"), [(mails, MAILS), (pages, PAGES)])
def test_scores_and_page_are_those_of_the_task(tmp_path, write, options):
    """One system that is always right and one that is always wrong, to the page."""
    paths, task = prepared(tmp_path, write(tmp_path), options)
    records = files.read_jsonl(paths.records("test"))
    score = settings(external={"right": "out/right.jsonl", "wrong": "out/wrong.jsonl"})
    for name, texts in (("right", [row["references"][0] for row in records]), ("wrong", ["nothing"] * len(records))):
        rows = [{"id": row["id"], "prediction": text} for row, text in zip(records, texts)]
        files.write_jsonl(paths.root / f"out/{name}.jsonl", rows)
        external.run(name, paths, task=task, score=score)
    baselines.run(paths, task=task, score=score)
    compare.run(
        paths,
        methods=[],
        seeds_of={},
        soft_prompt_runs={},
        benchmark=NO_BENCHMARK,
        metrics=FREE_METRICS,
        score=score,
    )
    comparison = files.read_json(paths.comparison)
    metric = comparison["primary_metric"]
    points = {row["name"]: row["scores"][metric]["mean"] for row in comparison["systems"]}
    assert (points["right"], points["wrong"]) == (100, 0) and 0 < points["most_frequent"] < 100
    assert comparison["verdict"][0].startswith("right scores best")
    data, model = parse_section(configuration.compose()["data"], Data, "data"), tiny.section("model", Model)
    report.run(paths, seeds_of={}, task=task, data=data, model=model)
    page = paths.report.read_text(encoding="utf-8")
    assert embedded_examples(page)["examples"][0]["source"] == records[0][task.source]
    assert "ROUGE" not in page.partition("</main>")[0].partition("vega")[0]


def test_a_template_may_use_every_field_and_no_other():
    values = configuration.compose([*PAGES, "data.train=x.csv"])
    task = parse_section(values["task"], Task, "task")
    model = architectures.find("seq2seq")(None, None)
    record = {"id": "a", "question": "Why?", "context": "So.", "references": ["So"]}
    own = tiny.template_params(kind=task.kind, prompts=["{{ question }} {{ context }} {{ id }}"])
    assert make_prompt(record, task, own, 1, model)["prompt"] == "Why? So. a"
    other = tiny.template_params(kind=task.kind, prompts=["{{ dialogue }}"])
    with pytest.raises(InputError, match="'dialogue' is undefined; a template may use id, question, context"):
        make_prompt(record, task, other, 1, model)
    lacking = tiny.template_params(kind=task.kind, prompts=["{{ question }}"])
    with pytest.raises(InputError, match=r"the prompt does not hold the context; it needs {{ context }} as it is"):
        make_prompt(record, task, lacking, 1, model)
