"""ROUGE and BLEU of a dialogue: what rouge_score and sacreBLEU give, and cases counted by hand."""

import unicodedata
from importlib.metadata import version

import numpy as np
import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from pipeline.evaluation.rouge_bleu import BLEU_COUNTS, METRICS, ROUGE, RougeBleu, bleu_of_counts
from pipeline.evaluation.words import ENGLISH, parts

PAIRS = [
    ("Anna calls the shop. She wants her money back!", ["Anna wants money back. She calls the shop.", "Never."]),
    ("Bob books flights to Rome.", ["bob is booking a flight to Rome, Italy."]),
    ("", ["Nothing is said.", "Silence.", "They are silent."]),
    ("one", ["one two three four five"]),
]  # fmt: skip
TITLED = ("Mr. Smith paid Mrs. Lee. Dr. Ray left.", ["Mr. Smith left. Then Ms. Lee paid."])
BY_HAND = {  # one sentence a line
    "Anna calls the shop. She wants her money back!": "Anna calls the shop.\nShe wants her money back!",
    "Anna wants money back. She calls the shop.": "Anna wants money back.\nShe calls the shop.",
    "Mr. Smith paid Mrs. Lee. Dr. Ray left.": "Mr. Smith paid Mrs. Lee.\nDr. Ray left.",
    "Mr. Smith left. Then Ms. Lee paid.": "Mr. Smith left.\nThen Ms. Lee paid.",
}


@pytest.mark.parametrize("use_stemmer", [True, False])
@pytest.mark.parametrize(("prediction", "references"), [*PAIRS, TITLED])
def test_rouge_is_what_rouge_score_gives(prediction, references, use_stemmer):
    row = RougeBleu(use_stemmer, ENGLISH).row(prediction, references)
    direct = RougeScorer(list(ROUGE), use_stemmer=use_stemmer)
    each = [direct.score(BY_HAND.get(text, text), BY_HAND.get(prediction, prediction)) for text in references]
    for name in ROUGE:
        f1 = [score[name].fmeasure for score in each]
        assert row[name] == pytest.approx(100 * sum(f1) / len(f1), abs=1e-9)
        assert row[f"{name}_max"] == pytest.approx(100 * max(f1), abs=1e-9)
        for part in ("precision", "recall"):
            mean = sum(getattr(score[name], part) for score in each) / len(each)
            assert row[f"{name}_{part}"] == pytest.approx(100 * mean, abs=1e-9)


def test_rouge_1_of_a_case_counted_by_hand():
    # 3 of 3 words found, 3 of 4 words covered: F1 = 2 * 1 * 0.75 / 1.75 = 6/7; nothing of the other reference
    row = RougeBleu(True, ENGLISH).row("the cat sat", ["the cat sat down", "a dog"])
    assert row["rouge1_max"] == pytest.approx(600 / 7)
    assert row["rouge1"] == pytest.approx(300 / 7)
    assert (row["rouge1_precision"], row["rouge1_recall"]) == (50, 37.5)
    assert row["rouge2_max"] == pytest.approx(100 * 2 * (2 / 3) / (1 + 2 / 3))


def test_a_stemmer_matches_inflected_words():
    assert RougeBleu(True, ENGLISH).row("booking flights", ["booked flight"])["rouge1"] == 100
    assert RougeBleu(False, ENGLISH).row("booking flights", ["booked flight"])["rouge1"] == 0


def test_sentences_set_rouge_lsum_apart_from_rouge_l():
    row = RougeBleu(True, ENGLISH).row("She paid. He left.", ["He left. She paid."])
    assert (row["rougeL"], row["rougeLsum"]) == (50, 100)


def counts(pairs):
    scorer = RougeBleu(True, ENGLISH)
    rows = [scorer.row(*pair) for pair in pairs]
    return np.array([[row[name] for name in BLEU_COUNTS] for row in rows])


def corpus_bleu(pairs, **options):
    most = max(len(references) for _, references in pairs)
    streams = [[refs[k] if k < len(refs) else None for _, refs in pairs] for k in range(most)]
    return sacrebleu.corpus_bleu([prediction for prediction, _ in pairs], streams, **options).score


@pytest.mark.parametrize("chosen", [PAIRS, PAIRS[:1], PAIRS[:2], PAIRS[2:], PAIRS[3:], PAIRS[2:3]])
def test_bleu_of_summed_counts_is_what_sacrebleu_gives(chosen):
    assert bleu_of_counts(counts(chosen).sum(axis=0)[None], len(chosen))[0] == pytest.approx(
        corpus_bleu(chosen), abs=1e-9
    )


def test_bleu_of_many_rows_at_once_is_each_row_s():
    each = counts(PAIRS)
    together = bleu_of_counts(each, 1)
    assert together == pytest.approx([corpus_bleu([pair]) for pair in PAIRS], abs=1e-9)


def test_a_copy_of_its_only_reference_has_every_point():
    text = "Anna calls the shop, and she wants her money back."
    row = RougeBleu(True, ENGLISH).row(text, [text])
    assert [row[name] for name in ROUGE] == pytest.approx([100] * 4)
    assert METRICS["bleu"].score(METRICS["bleu"].matrix([row])[0], 1)[0] == pytest.approx(100)


def test_the_signature_holds_all_that_a_figure_depends_on():
    some = [["a"], ["b", "c"], ["d", "e", "f"]]
    signature = RougeBleu(True, ENGLISH).signature(some)
    rouge, bleu = signature["rouge"].split("|"), signature["bleu"].split("|")
    assert {f"rouge_score {version('rouge_score')}", "F1", "stemmer porter", "examples 3"} <= set(rouge)
    assert {"nrefs:1-2-3", f"version:{sacrebleu.__version__}", "tok:13a", "smooth:exp", "case:mixed"} <= set(bleu)
    others = [RougeBleu(False, ENGLISH).signature(some), RougeBleu(True, ENGLISH).signature(some[:2])]
    assert len({signature["rouge"], *(other["rouge"] for other in others)}) == 3


def test_the_signature_s_settings_are_sacrebleu_s_own():
    metric = sacrebleu.metrics.BLEU()
    metric.corpus_score(["a b c d"], [["a b c d"]])
    own = str(metric.get_signature()).split("|")
    ours = RougeBleu(True, ENGLISH).signature([["a b c d"]])["bleu"].split("|")
    assert set(own) <= set(ours)


FOREIGN = {  # language: sacreBLEU's tokenizer, (prediction, references)
    "zh": (
        "zh",
        [("小明买了去北京的机票。", ["小明预订了第3张去北京的机票。"]), ("他很高兴！", ["他高兴。", "非常高兴"])],
    ),
    "ja": ("char", [("田中さんは切符を買った。", ["田中さんは東京行きの切符を予約した。"]), ("はい。", ["いいえ。"])]),
    "th": ("char", [("สมชายซื้อตั๋ว", ["สมชายจองตั๋วไปกรุงเทพ"])]),
    "ko": ("intl", [("민수가 표를 샀습니다.", ["민수가 서울행 표를 예약했습니다.", "표를 샀습니다."])]),
    "hi": ("intl", [("राम ने टिकट लिया।", ["राम ने दिल्ली का टिकट लिया।", "टिकट मिल गया।"])]),
    "ar": ("intl", [("حجز أحمد تذكرة.", ["حجز أحمد تذكرة إلى القاهرة."]), ("نعم، غدًا.", ["نعم، اليوم."])]),
    "de": ("intl", [("Jörg kauft die große Tür.", ["Jörg kauft eine große, schöne Tür."]), ("Ja.", ["Nein."])]),
    "ru": ("intl", [("Анна купила билет.", ["Анна купила билет в Москву.", "Билет куплен."])]),
}


class Parts:
    def __init__(self, language):
        self.language = language

    def tokenize(self, text):
        return parts(text, self.language)


@pytest.mark.parametrize("language", FOREIGN)
def test_bleu_of_another_language_is_sacrebleu_s_with_its_tokenizer(language):
    tokenizer, pairs = FOREIGN[language]
    scorer = RougeBleu(True, language)
    sums = np.array([[row[name] for name in BLEU_COUNTS] for row in (scorer.row(*pair) for pair in pairs)]).sum(axis=0)
    direct = corpus_bleu(pairs, tokenize=tokenizer)
    assert direct > 1
    assert bleu_of_counts(sums[None], len(pairs))[0] == pytest.approx(direct, abs=1e-9)
    assert f"tok:{tokenizer}" in scorer.signature([references for _, references in pairs])["bleu"].split("|")


@pytest.mark.parametrize("language", FOREIGN)
def test_rouge_of_another_language_is_rouge_score_s_with_our_tokenizer(language):
    direct = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=Parts(language))
    for prediction, references in FOREIGN[language][1]:
        row = RougeBleu(True, language).row(prediction, references)
        for name in ("rouge1", "rouge2", "rougeL"):
            f1 = [direct.score(text, prediction)[name].fmeasure for text in references]
            assert row[name] == pytest.approx(100 * sum(f1) / len(f1), abs=1e-9)


def longest_common(one, other):
    """The length of the longest common subsequence, by its definition."""
    if not one or not other:
        return 0
    if one[-1] == other[-1]:
        return 1 + longest_common(one[:-1], other[:-1])
    return max(longest_common(one[:-1], other), longest_common(one, other[:-1]))


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [("小明买机票", "小红预订机票"), ("他走了", "他走了"), ("好的", "天气"), ("买3张票", "3张机票")],
)
def test_rouge_of_chinese_is_that_of_its_characters(prediction, reference):
    common = sum(min(prediction.count(each), reference.count(each)) for each in set(prediction))
    subsequence = longest_common(prediction, reference)
    row = RougeBleu(True, "zh").row(prediction, [reference])
    for name, hits in (("rouge1", common), ("rougeL", subsequence)):
        assert row[name] == pytest.approx(200 * hits / (len(prediction) + len(reference)))


def test_wrong_chinese_with_the_right_digit_scores_low_and_a_copy_has_every_point():
    scorer, reference = RougeBleu(True, "zh"), "小明预订了第3张去北京的机票。"
    copy, wrong = scorer.row(reference, [reference]), scorer.row("完全错误的话3", [reference])
    assert [copy[name] for name in ROUGE] == pytest.approx([100] * 4)
    assert METRICS["bleu"].score(METRICS["bleu"].matrix([copy])[0], 1)[0] == pytest.approx(100)
    assert wrong["rouge1"] < 25


def test_sentences_of_other_languages_set_rouge_lsum_apart_from_rouge_l():
    row = RougeBleu(True, "zh").row("他走了。她来了。", ["她来了。他走了。"])
    assert (row["rougeL"], row["rougeLsum"]) == (50, 100)


@pytest.mark.parametrize("language", ["fr", "vi", "hi", "ko"])
def test_an_accent_of_its_own_is_the_same_accent(language):
    text = {"fr": "Un été à la mer", "vi": "Tiếng Việt", "hi": "\u0958लम ढूँ\u095dो", "ko": "민수가 표를"}[language]
    apart = unicodedata.normalize("NFD", text)
    assert apart != text
    row = RougeBleu(True, language).row(apart, [text])
    assert row == RougeBleu(True, language).row(text, [text])
    assert row["rouge1"] == pytest.approx(100)


def test_english_is_scored_as_ever_also_with_accents():
    row = RougeBleu(False, ENGLISH).row("cafe\u0301", ["café"])
    assert row["rouge1"] == pytest.approx(100 * RougeScorer(["rouge1"]).score("café", "cafe\u0301")["rouge1"].fmeasure)


def test_the_stemmer_is_for_english_alone_and_the_signature_says_so():
    assert RougeBleu(True, "de").row("booking flights", ["booked flight"])["rouge1"] == 0
    signatures = [RougeBleu(stem, language).signature([["a"]]) for stem in (True, False) for language in ("de", "fr")]
    assert signatures[:2] == signatures[2:]
    assert "|stemmer none: English only|" in signatures[0]["rouge"]
    assert signatures[0]["rouge"] != signatures[1]["rouge"] and "lang:fr" in signatures[1]["bleu"]
    assert "lang" not in "".join(RougeBleu(True, ENGLISH).signature([["a"]]).values())
