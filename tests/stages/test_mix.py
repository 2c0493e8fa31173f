"""The stage `mix`, from the files of further tasks to the prompts that methods are trained on."""

import time
import tracemalloc
from collections import Counter

import pytest

from pipeline import further_task, mix, prepare, template
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import parse_section
from pipeline.core.paths import SPLITS, Paths
from pipeline.experiments import configuration
from pipeline.parameters.data import Data
from pipeline.parameters.forgetting import Forgetting
from pipeline.parameters.mixture import Mixture
from pipeline.parameters.support_calls import SupportCalls
from support_calls import write
from tests import tiny
from tests.systems import SUMMARIES, settings

SIZES = {"seed": 3, "train": 60, "validation": 10, "test": 10, "questions": 4, "texts": 2, "rehearsal": 20}
KINDS = ("customer", "number", "product", "problem", "solved")


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """The bundled data with the prompts of its own task, and the rows of further tasks."""
    paths = Paths(tmp_path_factory.mktemp("mix"))
    write.run(paths, support_calls=parse_section(SIZES, SupportCalls, "support_calls"))
    files.write_json(paths.raw_data / "source.json", {"files": "read where they are"})
    places = {split: str(paths.support_calls(split)) for split in SPLITS}
    data = tiny.section("data", Data, **places, limit=dict.fromkeys(SPLITS))
    prepare.run(paths, seed=1, task=SUMMARIES, data=data, score=settings())
    template.run(paths, seed=1, task=SUMMARIES, template=tiny.template_params(), model=tiny.model_params("seq2seq"))
    return paths


def mixture_of(paths, **changes):
    values = configuration.compose(["mixture=calls"])["mixture"] | changes
    return parse_section(values, Mixture, "mixture")


def run(paths, mixture, seed=1, model=None):
    """The mixed rows, and the card."""
    for name in mixture.tasks:
        further_task.run(name, paths, mixture=mixture, data=tiny.section("data", Data))
    mix_prompts(paths, mixture, seed, model)
    return files.read_jsonl(paths.mixed_prompts), files.read_json(paths.mixture_card)


def mix_prompts(paths, mixture, seed=1, model=None):
    mix.run(
        paths,
        seed=seed,
        mixture=mixture,
        task=SUMMARIES,
        template=tiny.template_params(),
        model=model or tiny.model_params("seq2seq"),
        data=tiny.section("data", Data),
        forgetting=tiny.section("forgetting", Forgetting),
    )


def test_a_share_of_further_tasks_stands_after_the_tasks_own(calls):
    own = files.read_jsonl(calls.prompts("train"))
    rows, card = run(calls, mixture_of(calls))
    assert rows[: len(own)] == own
    further = rows[len(own) :]
    assert len(further) == round(len(own) * 0.3 / 0.7)
    counts = Counter(row["task"] for row in further)
    assert set(counts) == set(KINDS) and max(counts.values()) - min(counts.values()) <= 1  # all have 20
    assert {name: each["gave"] for name, each in card["tasks"].items()} == counts
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(each["has"] == 20 and sum(each["phrasings"]) == each["gave"] for each in card["tasks"].values())


def test_every_row_is_in_one_of_its_tasks_phrasings_and_may_swap_input_and_output(calls):
    rows, _ = run(calls, mixture_of(calls, share=0.6))
    records = {
        f"{name}/{record['id']}": record for name in KINDS for record in files.read_jsonl(calls.further_records(name))
    }
    swapped = 0
    for row in rows:
        if "task" in row:
            record = records[row["id"]]
            assert row["source"] == record["dialogue"] and record["dialogue"] in row["prompt"]
            if row["completion"] == record["references"][0]:
                assert record["question"] in row["prompt"]
            else:
                assert row["completion"] == record["question"] not in row["prompt"]
                assert f"Which question has the answer {record['references'][0]}?" in row["prompt"]
                swapped += 1
    assert swapped > 5


def test_the_seed_decides_and_the_same_one_gives_the_same_file(calls):
    first, _ = run(calls, mixture_of(calls))
    content = calls.mixed_prompts.read_bytes()
    run(calls, mixture_of(calls))
    assert calls.mixed_prompts.read_bytes() == content
    other, _ = run(calls, mixture_of(calls), seed=2)
    assert {row["id"] for row in other} != {row["id"] for row in first}


def test_without_a_mixture_the_prompts_are_the_tasks_own(calls):
    rows, card = run(calls, parse_section(configuration.compose()["mixture"], Mixture, "mixture"))
    assert rows == files.read_jsonl(calls.prompts("train"))
    assert card == {"own": len(rows), "tasks": {}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 0.9}, "mixture: 540 examples are asked for, and its tasks have 100: lower mixture.share"),
        ({"held_out": ["number"]}, "mixture.tasks: 'number' is in mixture.held_out, the tasks that are kept"),
        ({"tasks": {}}, "mixture.share: there are no mixture.tasks to take examples from"),
    ],
)
def test_what_cannot_be_mixed_is_refused(calls, changes, message):
    with pytest.raises(InputError, match=message):
        run(calls, mixture_of(calls, **changes))


def test_what_is_repeated_is_asked_for(calls):
    rows, card = run(calls, mixture_of(calls, share=0.9, repeat=True))
    assert sum(each["gave"] for each in card["tasks"].values()) == 540
    assert max(Counter(row["id"] for row in rows).values()) >= 5


def test_what_is_measured_is_not_mixed_in(calls, tmp_path):
    """A file that holds test calls and questions of the forgetting measurement among others, by another id."""
    test = files.read_jsonl(calls.records("test"))
    asked = files.read_jsonl(calls.support_calls("questions"))
    others = files.read_jsonl(calls.support_calls("rehearsal"))[:40]
    rows = [{"text": row["dialogue"].replace("the", "that", 1), "label": "test"} for row in test]
    rows += [{"text": row["prompt"].partition("\n\n")[2], "label": "asked"} for row in asked]
    rows += [{"text": row["dialogue"], "label": "other"} for row in others]
    files.write_jsonl(tmp_path / "own.jsonl", rows)
    task = {
        "data": str(tmp_path / "own.jsonl"),
        "hub": None,
        "where": {},
        "fields": {"call": "text"},
        "source": "call",
        "target": "label",
        "prompts": ["{{ call }}"],
        "cap": None,
    }
    mixture = mixture_of(calls, tasks={"own": task}, share=0.5)
    mixed, card = run(calls, mixture)
    assert {row["completion"] for row in mixed if "task" in row} == {"other"}
    counts = card["tasks"]["own"]
    assert (counts["gave"], counts["like what is measured"]) == (40, len(test) + len(asked))
    assert counts["asked"] == 60  # it had no more


def test_a_chat_model_reads_turns(calls, causal_base, tmp_path):
    calls.base_model.parent.mkdir(exist_ok=True)
    calls.base_model.symlink_to(causal_base)
    rows, _ = run(calls, mixture_of(calls), model=tiny.model_params("causal", chat=True))
    assert rows[-1]["prompt"].startswith("<|im_start|>user\n") and "<|im_end|>" in rows[-1]["prompt"]
    calls.base_model.unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"where": {"kind": "number"}}, r"rehearsal.jsonl:1: no column 'kind' \(where\); found id, task, dialogue"),
        ({"where": {"task": "nothing"}}, "mixture.tasks.number: no row of .* has {'task': 'nothing'}"),
        ({"source": "call"}, "source: 'call' is none of the fields dialogue, question"),
        ({"fields": {"dialogue": "text"}}, "no column 'text'"),
        ({"prompts": ["{{ dialogue }} {{ answer }}"]}, r"tasks.number.prompts\[0\]: 'answer' is undefined"),
        (
            {"prompts": [{"prompt": "{{ dialogue }}", "output": "x"}]},
            r"prompts\[0\]: output: 'x' is none of the f",
        ),
    ],
)
def test_a_task_that_does_not_fit_its_file_is_refused_with_what_is_wrong(calls, change, message):
    values = configuration.compose(["mixture=calls"])["mixture"]
    task = values["tasks"]["number"] | {"data": str(calls.support_calls("rehearsal"))} | change
    with pytest.raises(InputError, match=message):
        run(calls, parse_section(values | {"tasks": {"number": task}, "share": 0.1}, Mixture, "mixture"))


@pytest.mark.slow
def test_a_hundred_thousand_examples_mix_in_a_minute_in_flat_memory(calls, tmp_path):
    """By ten thousand: the time of a further five thousand, and what a further four thousand add to the peak."""
    question = files.read_jsonl(calls.support_calls("rehearsal"))[0]
    rows = [
        {"dialogue": f"{n} {question['dialogue']} {n * 7} {n * 31}", "question": f"What is {n}?", "answer": str(n)}
        for n in range(10_000)
    ]
    files.write_jsonl(tmp_path / "many.jsonl", rows)
    task = configuration.compose(["mixture=calls"])["mixture"]["tasks"]["number"]
    task |= {"data": str(tmp_path / "many.jsonl"), "where": {}}
    mixture = mixture_of(calls, tasks={"many": task})
    further_task.run("many", calls, mixture=mixture, data=tiny.section("data", Data))

    def mix_many(count: int) -> None:
        object.__setattr__(mixture, "share", count / (count + 60))  # beyond what the parameter allows
        mix_prompts(calls, mixture)
        assert files.read_json(calls.mixture_card)["tasks"]["many"]["gave"] == count

    def peak(count: int) -> float:
        tracemalloc.start()
        mix_many(count)
        bytes_held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return bytes_held / 2**20

    seconds = []
    for count in (5_000, 10_000):
        began = time.process_time()
        mix_many(count)
        seconds.append(time.process_time() - began)
    assert 20 * (seconds[1] - seconds[0]) < 60
    assert peak(5_000) < peak(1_000) + 1  # MiB; as rows they are more than 6
