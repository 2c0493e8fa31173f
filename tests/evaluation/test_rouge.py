"""rouge_score_rs, which computes ROUGE, gives what rouge_score defines, to the last digit."""

import random
import sys

import pytest
from rouge_score import rouge_scorer, tokenizers

from pipeline.evaluation import words
from pipeline.evaluation.rouge_bleu import ROUGE
from pipeline.evaluation.rouge_bleu import rouge_scorer as our_scorer
from support_calls.write import unseen

ODD = [
    *("", " ", "\n", "\n\n", "a\n", "\nb\n\nc", "ab\tcd", "x\ry\u2028z\x0bq\x0c", "\x00 nul", "_under_score-hyphen"),
    *("don't can’t won't", "3.14 1,000 2nd 007", "İstanbul I ı \u212aelvin Å ß ﬁ", "é e\u0301 cafés", "ⅷ ① ²"),
    *(
        "日本語 テスト 12",
        "🙂 emoji ok",
        "ａｂｃ full width",
        "\ud800 lone",
        "dying lying news skies innings",
        "running " * 300,
    ),
]
STEMS = ["run", "running", "flies", "flying", "generalization", "relational", "rationalize", "hopefulness", "be", "7th"]
LETTERS = [*map(chr, range(0x20, 0x250)), *"\n    '’İK"]


def texts() -> list[str]:
    """References and dialogues of calls, odd texts, letters of all kinds, and lines of words that stem alike."""
    rng = random.Random(0)
    calls = [text for call in unseen(3, "test", 40, set()) for text in (*call.references, call.text())]
    letters = ["".join(rng.choices(LETTERS, k=rng.randrange(60))) for _ in range(200)]
    lines = ["\n".join(" ".join(rng.choices(STEMS, k=rng.randrange(9))) for _ in range(4)) for _ in range(200)]
    return [*calls, *(2 * ODD), *letters, *lines]


def pairs(count: int) -> list[tuple[str, str]]:
    """Pairs of texts, every third the same text twice with a fifth of its words left out of one."""
    rng, found = random.Random(1), texts()
    chosen = [(rng.choice(found), rng.choice(found)) for _ in range(count)]
    return [
        (one, " ".join(word for word in one.split(" ") if rng.random() < 0.8) if number % 3 == 0 else other)
        for number, (one, other) in enumerate(chosen)
    ]


@pytest.mark.parametrize("use_stemmer", [True, False])
def test_english_scores_are_rouge_score_s_to_the_last_digit(use_stemmer):
    defined, ours = rouge_scorer.RougeScorer(list(ROUGE), use_stemmer=use_stemmer), our_scorer(use_stemmer, "en")
    for reference, summary in pairs(600):
        assert ours.score(reference, summary) == defined.score(reference, summary), (reference, summary)


@pytest.mark.parametrize("language", ["de", "tr", "zh"])
def test_scores_of_other_languages_are_rouge_score_s_with_our_words(language):
    class Parts(tokenizers.Tokenizer):
        def tokenize(self, text: str) -> list[str]:
            return words.parts(text, language)

    defined, ours = rouge_scorer.RougeScorer(list(ROUGE), tokenizer=Parts()), our_scorer(True, language)
    for reference, summary in pairs(200):
        assert ours.score(reference, summary) == defined.score(reference, summary), (reference, summary)


def test_every_letter_of_unicode_is_lowered_and_split_as_rouge_score_does():
    defined, ours = tokenizers.DefaultTokenizer(use_stemmer=True), our_scorer(True, "en")._tokenizer
    for begin in range(0, 0x110000, 0x1000):
        text = " x".join(map(chr, range(begin, begin + 0x1000)))
        assert ours.tokenize(text) == defined.tokenize(text)


def test_without_the_package_rouge_score_itself_gives_the_figures(monkeypatch):
    fast = {language: our_scorer(True, language) for language in ("en", "de")}
    monkeypatch.setitem(sys.modules, "rouge_score_rs", None)
    for language, ours in fast.items():
        slow = our_scorer(True, language)
        assert type(slow).__module__.startswith("rouge_score.")
        assert all(slow.score(*pair) == ours.score(*pair) for pair in pairs(60))
