"""Four languages from a file of dialogues to the report, with predictions whose order is known. Nothing is trained."""

import json
from types import SimpleNamespace

import pytest

from pipeline import baselines, compare, external, prepare, report
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import parse_section, read_params
from pipeline.core.paths import SPLITS, Paths
from pipeline.parameters.data import Data
from tests.systems import FREE_METRICS, NO_BENCHMARK, SUMMARIES, embedded_examples, settings

COUNT = 24
DIALOGUES = {
    "zh": "小明：你好，我要第{n}号订单的{thing}。\n小红：好的，{thing}明天送到。",
    "hi": "राम: मुझे {n} नंबर का {thing} चाहिए।\nसीता: ठीक है, {thing} कल मिलेगा।",
    "ar": "أحمد: أريد {thing} رقم {n} من فضلك.\nليلى: حسنًا، سيصل {thing} غدًا.",
    "de": "Jörg: Ich möchte gern {thing} Nummer {n} haben.\nÄnne: Gut, {thing} kommt früh.",
}
IN_BRIEF = {
    "zh": "小明订了第{n}号{thing}，明天送到。",
    "hi": "राम को {n} नंबर का {thing} कल मिलेगा।",
    "ar": "طلب أحمد {thing} رقم {n} وسيصل غدًا.",
    "de": "Jörg bestellt {thing} Nummer {n}.",
}
WRONG = {"zh": "完全错误的话", "hi": "यह गलत बात", "ar": "كلام خاطئ تمامًا", "de": "Völlig falsches Zeug"}
THINGS = {
    "zh": ["机票", "电脑", "苹果", "书包", "自行车", "咖啡机"],
    "hi": ["टिकट", "कंप्यूटर", "किताब", "झोला", "साइकिल", "घड़ी"],
    "ar": ["تذكرة", "حاسوب", "كتاب", "حقيبة", "دراجة", "ساعة"],
    "de": ["das Gemälde", "die Tür", "den Käse", "das Öl", "die Lösung", "den Hörer"],
}


def rows(language, split):
    for number in range(COUNT):
        values = {"n": 100 * SPLITS.index(split) + number, "thing": THINGS[language][number % 6]}
        texts = {"dialogue": DIALOGUES[language].format(**values), "summary": IN_BRIEF[language].format(**values)}
        yield {"id": f"{split}-{number}", **texts}


def prepared(folder, language, scored_as):
    """The records of a language, checked for the score in `scored_as`."""
    paths = Paths(folder)
    for split in SPLITS:
        files.write_jsonl(folder / f"{split}.jsonl", rows(language, split))
    files.write_json(paths.raw_data / "source.json", {"files": "read where they are"})
    named = {split: str(folder / f"{split}.jsonl") for split in SPLITS}
    data = parse_section(read_params()["data"] | named | {"near_duplicate": 1.0}, Data, "data")
    prepare.run(paths, seed=1, task=SUMMARIES, data=data, score=settings(language=scored_as))
    return paths


@pytest.fixture(scope="module", params=DIALOGUES)
def compared(request, tmp_path_factory):
    """A language with three systems compared: references copied, shuffled among dialogues, and a wrong sentence."""
    language = request.param
    paths = prepared(tmp_path_factory.mktemp(language), language, language)
    records = files.read_jsonl(paths.records("test"))
    texts = [record["references"][0] for record in records]
    systems = {"perfect": texts, "shuffled": texts[1:] + texts[:1], "wrong": [WRONG[language]] * len(texts)}
    for name, predictions in systems.items():
        each = [{"id": record["id"], "prediction": text} for record, text in zip(records, predictions)]
        files.write_jsonl(paths.root / f"{name}.jsonl", each)
    score = settings(language=language, external={name: f"{name}.jsonl" for name in systems})
    for name in systems:
        external.run(name, paths, task=SUMMARIES, score=score)
    baselines.run(paths, task=SUMMARIES, score=score)
    compare.run(
        paths,
        methods=[],
        seeds_of={},
        soft_prompt_runs={},
        benchmark=NO_BENCHMARK,
        metrics=FREE_METRICS,
        score=score,
    )
    report.run(
        paths,
        seeds_of={},
        task=SUMMARIES,
        data=SimpleNamespace(name=THINGS[language][0]),
        model=SimpleNamespace(name="some model"),
    )
    return language, paths, records


def test_scores_follow_what_the_summaries_say(compared):
    _, paths, _ = compared
    scores = {name: files.read_json(paths.scores(name)) for name in ("perfect", "shuffled", "wrong")}
    for metric in ("rouge1", "rouge2", "rougeL", "bleu"):
        points = [scores[name]["scores"][metric]["mean"] for name in ("perfect", "shuffled", "wrong")]
        assert points[0] == pytest.approx(100)
        assert 90 > points[1] > points[2]
        assert points[2] < 10
    assert scores["perfect"]["warnings"] == []
    assert scores["perfect"]["diagnostics"]["length_ratio"] == pytest.approx(1)
    assert scores["perfect"]["diagnostics"]["unsupported"] == 0
    assert scores["shuffled"]["diagnostics"]["unsupported"] == pytest.approx(100)  # another number


def test_baselines_and_verdict_are_of_the_language(compared):
    language, paths, _ = compared
    lead = files.read_parquet(paths.baselines / "lead.parquet")
    assert all(row["rouge1"] > 30 for row in lead)
    comparison = files.read_json(paths.comparison)
    assert comparison["verdict"][0].startswith("perfect scores best; over shuffled the difference of +")
    assert f"|language {language}: " in comparison["signature"]["rouge"]
    assert f"|language {language}: " in paths.comparison_markdown.read_text(encoding="utf-8")


def test_the_page_holds_every_text_unbroken_and_lets_it_choose_its_direction(compared):
    language, paths, records = compared
    page = paths.report.read_text(encoding="utf-8")
    embedded = embedded_examples(page)
    assert [row["source"] for row in embedded["examples"]] == [record["dialogue"] for record in records]
    assert embedded["examples"][3]["outputs"]["perfect"]["text"] == records[3]["references"][0]
    assert f'<h1 dir="auto">{"What fine-tuning buys"}' in page and 'paragraph.dir = "auto"' in page
    assert THINGS[language][0] in json.dumps(embedded, ensure_ascii=False)


@pytest.mark.parametrize("language", ["zh", "hi", "ar"])
def test_a_language_that_is_scored_as_english_is_refused_where_the_data_are_read(tmp_path, language):
    with pytest.raises(InputError, match=rf"test\.jsonl: score\.language=en cannot .* set score\.language={language} "):
        prepared(tmp_path, language, "en")


def test_german_that_is_scored_as_english_is_a_warning(tmp_path, capsys):
    prepared(tmp_path, "de", "en")
    assert capsys.readouterr().out.count("WARNING: ROUGE reads only a to z and 0 to 9") == 1


def test_nothing_is_recommended_where_no_summary_shares_a_word_with_its_reference(tmp_path):
    paths = prepared(tmp_path, "zh", "zh")
    records = files.read_jsonl(paths.records("test"))
    for name, text in (("one", "A wrong text."), ("two", "No.")):
        files.write_jsonl(tmp_path / f"{name}.jsonl", [{"id": row["id"], "prediction": text} for row in records])
    score = settings(language="zh", external={"one": "one.jsonl", "two": "two.jsonl"})
    for name in score.external:
        external.run(name, paths, task=SUMMARIES, score=score)
    baselines.run(paths, task=SUMMARIES, score=score)
    compare.run(
        paths,
        methods=[],
        seeds_of={},
        soft_prompt_runs={},
        benchmark=NO_BENCHMARK,
        metrics=FREE_METRICS,
        score=score,
    )
    (sentence,) = files.read_json(paths.comparison)["verdict"]
    assert sentence.startswith("Nothing is recommended: no system has a point of ROUGE-1")
