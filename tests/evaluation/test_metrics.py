"""ROUGE and BLEU of a dialogue: what rouge_score and sacreBLEU give, and cases counted by hand."""

from importlib.metadata import version

import numpy as np
import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from pipeline.evaluation.metrics import BLEU_COUNTS, METRICS, ROUGE, Scorer, bleu_of_counts

PAIRS = [
    ("Anna calls the shop. She wants her money back!", ["Anna wants money back. She calls the shop.", "Never."]),
    ("Bob books flights to Rome.", ["bob is booking a flight to Rome, Italy."]),
    ("", ["Nothing is said.", "Silence.", "They are silent."]),
    ("one", ["one two three four five"]),
]  # fmt: skip
BY_HAND = {  # one sentence a line
    "Anna calls the shop. She wants her money back!": "Anna calls the shop.\nShe wants her money back!",
    "Anna wants money back. She calls the shop.": "Anna wants money back.\nShe calls the shop.",
}


@pytest.mark.parametrize("use_stemmer", [True, False])
@pytest.mark.parametrize(("prediction", "references"), PAIRS)
def test_rouge_is_what_rouge_score_gives(prediction, references, use_stemmer):
    row = Scorer(use_stemmer).row(prediction, references)
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
    row = Scorer(use_stemmer=True).row("the cat sat", ["the cat sat down", "a dog"])
    assert row["rouge1_max"] == pytest.approx(600 / 7)
    assert row["rouge1"] == pytest.approx(300 / 7)
    assert (row["rouge1_precision"], row["rouge1_recall"]) == (50, 37.5)
    assert row["rouge2_max"] == pytest.approx(100 * 2 * (2 / 3) / (1 + 2 / 3))


def test_a_stemmer_matches_inflected_words():
    assert Scorer(use_stemmer=True).row("booking flights", ["booked flight"])["rouge1"] == 100
    assert Scorer(use_stemmer=False).row("booking flights", ["booked flight"])["rouge1"] == 0


def test_sentences_set_rouge_lsum_apart_from_rouge_l():
    row = Scorer(use_stemmer=True).row("She paid. He left.", ["He left. She paid."])
    assert (row["rougeL"], row["rougeLsum"]) == (50, 100)


def counts(pairs):
    scorer = Scorer(use_stemmer=True)
    rows = [scorer.row(*pair) for pair in pairs]
    return np.array([[row[name] for name in BLEU_COUNTS] for row in rows])


def corpus_bleu(pairs):
    most = max(len(references) for _, references in pairs)
    streams = [[refs[k] if k < len(refs) else None for _, refs in pairs] for k in range(most)]
    return sacrebleu.corpus_bleu([prediction for prediction, _ in pairs], streams).score


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
    row = Scorer(use_stemmer=True).row(text, [text])
    assert [row[name] for name in ROUGE] == pytest.approx([100] * 4)
    assert METRICS["bleu"].statistic(1)(METRICS["bleu"].matrix([row]))[0] == pytest.approx(100)


def test_the_signature_holds_all_that_a_figure_depends_on():
    some = [["a"], ["b", "c"], ["d", "e", "f"]]
    signature = Scorer(use_stemmer=True).signature(some)
    rouge, bleu = signature["rouge"].split("|"), signature["bleu"].split("|")
    assert {f"rouge_score {version('rouge_score')}", "F1", "stemmer porter", "dialogues 3"} <= set(rouge)
    assert {"nrefs:1-2-3", f"version:{sacrebleu.__version__}", "tok:13a", "smooth:exp", "case:mixed"} <= set(bleu)
    others = [Scorer(use_stemmer=False).signature(some), Scorer(use_stemmer=True).signature(some[:2])]
    assert len({signature["rouge"], *(other["rouge"] for other in others)}) == 3


def test_the_signature_s_settings_are_sacrebleu_s_own():
    metric = sacrebleu.metrics.BLEU()
    metric.corpus_score(["a b c d"], [["a b c d"]])
    own = str(metric.get_signature()).split("|")
    ours = Scorer(use_stemmer=True).signature([["a b c d"]])["bleu"].split("|")
    assert set(own) <= set(ours)
