"""ROUGE and BLEU of one text, as numbers that add up over examples.

All scores are in points, 0 to 100: rouge_score's figures times 100, sacreBLEU's as they are. The language of the texts
chooses both tokenizers: English has those of rouge_score and sacreBLEU, every other language words of any script.
"""

import functools
import statistics
from importlib.metadata import version
from typing import Any

import numpy as np

from pipeline.evaluation import words
from pipeline.evaluation.metrics import Metric, mean
from pipeline.evaluation.words import ENGLISH, sentences

ROUGE = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "rougeLsum": "ROUGE-Lsum"}
ORDERS = range(1, 5)  # of BLEU's n-grams
BLEU_COUNTS = (
    "bleu_length",
    "bleu_reference_length",
    *(f"bleu_correct{n}" for n in ORDERS),
    *(f"bleu_total{n}" for n in ORDERS),
)
# sacreBLEU's tokenizers; of all other languages `intl`, which splits at every script's punctuation. MeCab knows the
# words of ja and ko, but where it is not installed the score would be another one.
BLEU_TOKENIZERS = {ENGLISH: "13a", "zh": "zh", **dict.fromkeys(("ja", "th", "lo", "km", "my", "shn"), "char")}


def bleu_of_counts(sums: np.ndarray, examples: int) -> np.ndarray:
    """Corpus BLEU of rows of summed BLEU_COUNTS, smoothed as sacreBLEU's default (exp).

    Papineni et al. (2002); the smoothing is method 3 of Chen and Cherry (2014).
    """
    length, reference_length, correct, total = sums[:, 0], sums[:, 1], sums[:, 2:6], sums[:, 6:10]
    missed = np.cumsum(correct == 0, axis=1)  # the k-th order without a match counts as 1 / 2^k of one
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(correct > 0, correct, 0.5**missed) / total
        brevity = np.where(length < reference_length, np.exp(1 - reference_length / length), 1.0)
        score = 100 * brevity * np.exp(np.log(precision).mean(axis=1))
    return np.where((total > 0).all(axis=1) & (correct > 0).any(axis=1), score, 0.0)


METRICS = {
    **{name: Metric(title, (name,), mean, "rouge") for name, title in ROUGE.items()},
    "bleu": Metric("BLEU", BLEU_COUNTS, bleu_of_counts, "bleu", gains_from_references=True),
}
FURTHER_COLUMNS = [f"{name}_{part}" for name in ROUGE for part in ("max", "precision", "recall")]


def bleu_tokenizer(language: str) -> str:
    """sacreBLEU's name of the tokenizer of a language."""
    return BLEU_TOKENIZERS.get(language, "intl")


def rouge_scorer(use_stemmer: bool, language: str) -> Any:
    """A scorer of the ROUGE types with rouge_score's interface, and with its figures to the last digit.

    rouge_score_rs computes what rouge_score defines 20 to 80 times as fast; tests/evaluation/test_rouge.py compares
    both. Where it is not installed, rouge_score itself computes the same. Words of languages other than English are
    split here, and each text once.
    """
    try:
        from rouge_score_rs import rouge_scorer, tokenizers
    except ImportError:  # no wheel for this platform
        from rouge_score import rouge_scorer, tokenizers  # type: ignore[no-redef]

    if language == ENGLISH:
        return rouge_scorer.RougeScorer(list(ROUGE), use_stemmer=use_stemmer)

    class Parts(tokenizers.Tokenizer):
        tokenize = staticmethod(functools.lru_cache(maxsize=1024)(lambda text: words.parts(text, language)))

    return rouge_scorer.RougeScorer(list(ROUGE), tokenizer=Parts())


class RougeBleu:
    """Scores texts, each against any number of references.

    Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries; Post (2018), A Call for Clarity in Reporting
    BLEU Scores.
    """

    def __init__(self, use_stemmer: bool, language: str) -> None:
        from sacrebleu.metrics import BLEU

        self._rouge = rouge_scorer(use_stemmer, language)
        # Of one summary only its counts are used.
        self._bleu = BLEU(effective_order=True, tokenize=bleu_tokenizer(language))
        self.use_stemmer, self.language = use_stemmer, language

    def row(self, prediction: str, references: list[str]) -> dict[str, float]:
        """An example's columns: each ROUGE type's F1, precision and recall, means over the references, and best F1;
        the counts of BLEU."""
        if self.language != ENGLISH:
            prediction, references = words.normalize(prediction), [words.normalize(text) for text in references]
        lines = sentences(prediction, self.language)
        each = [self._rouge.score(sentences(reference, self.language), lines) for reference in references]
        columns: dict[str, float] = {}
        for name in ROUGE:
            f1 = [100 * score[name].fmeasure for score in each]
            columns[name], columns[f"{name}_max"] = statistics.fmean(f1), max(f1)
            columns[f"{name}_precision"] = statistics.fmean(100 * score[name].precision for score in each)
            columns[f"{name}_recall"] = statistics.fmean(100 * score[name].recall for score in each)
        bleu = self._bleu.sentence_score(prediction, references)
        counts = [bleu.sys_len, bleu.ref_len, *bleu.counts, *bleu.totals]
        return columns | dict(zip(BLEU_COUNTS, map(float, counts)))

    def signature(self, references: list[list[str]]) -> dict[str, str]:
        """What must agree before two scores may be compared, for ROUGE and for BLEU; references of every example."""
        many = "-".join(map(str, sorted({len(texts) for texts in references})))
        rouge = f"rouge_score {version('rouge_score')}|F1|references {many}: mean (and max) over them"
        bleu = f"nrefs:{many}|case:mixed|eff:no|tok:{self._bleu.tokenizer_signature}|smooth:exp"
        if self.language == ENGLISH:
            titles = ", ".join(words.TITLES)
            stemmer = "porter" if self.use_stemmer else "none"
            rouge += f"|stemmer {stemmer}|sentences split after .!? but not after {titles}"
        else:
            rouge += (
                f"|language {self.language}: words of letters, marks and digits, characters where a script has no "
                "spaces; lower case, NFC|stemmer none: English only|sentences split after Unicode's sentence ends"
            )
            bleu += f"|lang:{self.language}|norm:NFC"
        return {
            "rouge": f"{rouge}|mean over examples|examples {len(references)}",
            "bleu": f"{bleu}|version:{version('sacrebleu')}|examples:{len(references)}",
        }
