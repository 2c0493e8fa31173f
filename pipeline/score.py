"""Score predictions against their references.

    python -m pipeline.score PREDICTIONS OUTPUT [METRICS]

PREDICTIONS is JSON Lines with id, prediction and references (a list) on every row; OUTPUT gets every score with its
signature, METRICS the few that `dvc metrics show` lists.
"""

import contextlib
import functools
import math
import re
import statistics
from pathlib import Path

from pipeline import records, stage

ROUGE_TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


@stage.params
class Score:
    use_stemmer: bool
    evaluate: list[str]


def run(predictions: Path, output: Path, metrics: Path | None = None, *, score: Score):
    rows = read_predictions(predictions)
    scores = rouge_scores(rows, score.use_stemmer) | {"bleu": bleu(rows)}
    scores["evaluate"] = {name: evaluate_metric(name, rows) for name in score.evaluate}
    records.write_json(output, {"predictions": predictions.as_posix(), "dialogues": len(rows), **scores})
    if metrics:
        records.write_json(metrics, headline(scores))
    print(f"{predictions}: {', '.join(f'{name} {value}' for name, value in headline(scores).items())}")


def headline(scores: dict) -> dict[str, float]:
    """The few scores that `dvc metrics` follows, all in [0, 100]."""
    means = {name: round(100 * scores[name]["mean"], 2) for name in ROUGE_TYPES}
    return means | {"bleu": round(scores["bleu"]["score"], 2)}


def read_predictions(path: Path) -> list[dict]:
    """The rows of a predictions file; Refused names the line and what is wrong with it."""
    rows, seen = [], {}
    for where, row in records.located(path):
        if missing := [key for key in ("id", "prediction", "references") if key not in row]:
            raise stage.Refused(f"{where}: no {' nor '.join(missing)}; found {', '.join(row)}")
        if isinstance(row["id"], bool) or not isinstance(row["id"], str | int):
            raise stage.Refused(f"{where}: id is {row['id']!r}, expected text or a number")
        if not isinstance(row["prediction"], str):
            raise stage.Refused(f"{where}: prediction is {row['prediction']!r}, expected text")
        texts = row["references"]
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
            raise stage.Refused(f"{where}: references is {texts!r}, expected a list of one or more texts")
        if row["id"] in seen:
            raise stage.Refused(f"{where}: id {row['id']!r} already stands at {seen[row['id']]}")
        seen[row["id"]] = where
        rows.append(row)
    if not rows:
        raise stage.Refused(f"{path}: no predictions in it")
    return rows


def sentences(text: str) -> str:
    """One sentence a line, which rougeLsum needs: without newlines it equals rougeL."""
    return re.sub(r"(?<=[.!?])\s+", "\n", text.strip())


def rouge(prediction: str, references: list[str], scorer) -> dict[str, list[float]]:
    """ROUGE F1 of one summary against each of its references, in [0, 1], by type.

    Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries.
    """
    each = [scorer.score(sentences(reference), sentences(prediction)) for reference in references]
    return {name: [score[name].fmeasure for score in each] for name in ROUGE_TYPES}


def rouge_scores(rows: list[dict], use_stemmer: bool) -> dict:
    """Each ROUGE type over all dialogues: the mean over a dialogue's references (the headline) and their maximum."""
    scorer = _scorer(use_stemmer)
    each = [rouge(row["prediction"], row["references"], scorer) for row in rows]
    scores = {
        name: {
            "mean": statistics.fmean(statistics.fmean(one[name]) for one in each),
            "max": statistics.fmean(max(one[name]) for one in each),
        }
        for name in ROUGE_TYPES
    }
    return scores | {"rouge_signature": rouge_signature(rows, use_stemmer)}


def _scorer(use_stemmer: bool):
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import DefaultTokenizer

    tokenizer = DefaultTokenizer(use_stemmer)
    # A reference is scored against by every method, and a summary once for each reference: cut into stems once.
    tokenizer.tokenize = functools.lru_cache(maxsize=None)(tokenizer.tokenize)
    return RougeScorer(ROUGE_TYPES, tokenizer=tokenizer)


def rouge_signature(rows: list[dict], use_stemmer: bool) -> str:
    """What must agree before two ROUGE figures may be compared."""
    from importlib.metadata import version

    counts = sorted({len(row["references"]) for row in rows})
    stemmer = "porter" if use_stemmer else "none"
    return (
        f"rouge_score {version('rouge_score')}|F1|references {'-'.join(map(str, counts))}: mean and max of each"
        f"|stemmer {stemmer}|sentences split after .!?|mean over dialogues|dialogues {len(rows)}"
    )


def bleu(rows: list[dict]) -> dict:
    """Corpus BLEU in [0, 100] against all references at once, with sacreBLEU's signature."""
    from sacrebleu.metrics import BLEU

    metric = BLEU()
    most = max(len(row["references"]) for row in rows)
    streams = [
        [row["references"][number] if number < len(row["references"]) else None for row in rows]
        for number in range(most)
    ]
    result = metric.corpus_score([row["prediction"] for row in rows], streams)
    return {"score": result.score, "signature": str(metric.get_signature())}


def evaluate_metric(name: str, rows: list[dict]) -> dict:
    """A metric of Hugging Face's `evaluate`, by hub name or local path, over all (prediction, reference) pairs."""
    import evaluate  # 5 s, so only where it is asked for

    pairs = [(row["prediction"], reference) for row in rows for reference in row["references"]]
    try:
        metric = evaluate.load(name)
        result = metric.compute(predictions=[pair[0] for pair in pairs], references=[pair[1] for pair in pairs])
    except Exception as error:  # a metric is foreign code and raises what it likes
        raise stage.Refused(f"score.evaluate: metric {name!r}: {type(error).__name__}: {error}") from error
    scores = {}
    for key, value in (result or {}).items():
        with contextlib.suppress(TypeError, ValueError):  # texts among the numbers, as BERTScore's hash
            values = list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
            scores[key] = statistics.fmean(float(one) for one in values)  # BERTScore gives one value a pair
    if not scores:
        raise stage.Refused(f"score.evaluate: metric {name!r} gave no number: {result!r}")
    if wrong := [key for key, value in scores.items() if not math.isfinite(value)]:
        raise stage.Refused(f"score.evaluate: metric {name!r} gave {wrong[0]} = {scores[wrong[0]]}")
    return scores


if __name__ == "__main__":
    stage.command(run)
