"""Score predictions against their references: ROUGE and BLEU with intervals, and what is wrong with the texts.

    python -m pipeline.score PREDICTIONS RECORDS SCORES DIALOGUES [METRICS]

PREDICTIONS, made here or anywhere else, is JSON Lines, CSV or Parquet with an id and a prediction on every row; RECORDS
holds the dialogues and references of the same ids. SCORES gets every score with its signature, DIALOGUES (Parquet) the
scores of each dialogue, METRICS the few that `dvc metrics show` lists.
"""

import contextlib
import math
import statistics
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from pipeline.core import files, tables
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import section
from pipeline.core.progress import progress
from pipeline.evaluation import diagnostics
from pipeline.evaluation.bootstrap import Resampling
from pipeline.evaluation.metrics import HEADLINE, ROUGE, Scorer
from pipeline.parameters.types import Count, Seed

Percent = Annotated[float, Field(ge=0, le=100)]
FEWEST = 10  # dialogues that look like none of train: fewer have no scores of their own
UNREAD = 0.05  # share of letters that ROUGE does not read, from which on that is a warning
FURTHER = [f"{name}_{part}" for name in ROUGE for part in ("max", "precision", "recall")]


@section
class Warn:
    """What is worth a warning: percent of the summaries, and the mean length against the references'."""

    cut: Percent
    empty: Percent
    repeats: Percent
    unsupported: Percent
    length_ratio: Annotated[list[float], Field(min_length=2, max_length=2)]


class Metric(TypedDict):
    """A metric of `evaluate` that wants more than predictions and references: its name, and what else it wants."""

    __pydantic_config__ = ConfigDict(extra="allow")
    name: str


@section
class Score:
    use_stemmer: bool
    resamples: Count
    seed: Seed
    margin: Annotated[float, Field(ge=0)]
    warn: Warn
    external: dict[Annotated[str, Field(pattern=r"^[\w-]+$")], str]
    evaluate: list[str | Metric]


def run(
    predictions: Path,
    held_out: Path,
    scores: Path,
    dialogues: Path,
    metrics: Path | None = None,
    *,
    score: Score,
    id_column: str = "id",
    prediction_column: str = "prediction",
):
    known = read_references(held_out)
    rows = read_predictions(predictions, known, id_column, prediction_column)
    scorer = Scorer(score.use_stemmer)
    names = diagnostics.inner_names(
        text for record in known.values() for text in (record["dialogue"], *record["references"])
    )
    each = [
        {"id": row["id"], "prediction": row["prediction"]}
        | scorer.row(row["prediction"], known[row["id"]]["references"])
        | diagnostics.check(row, known[row["id"]]["dialogue"], known[row["id"]]["references"], names)
        for row in progress(rows, len(rows), f"score {predictions.stem}")
    ]
    found = summary(each, list(known.values()), scorer, score)
    pairs = [(row["prediction"], text) for row in rows for text in known[row["id"]]["references"]]
    chosen = [{"name": metric} if isinstance(metric, str) else metric for metric in score.evaluate]
    found["evaluate"] = {metric["name"]: evaluate_metric(metric, pairs) for metric in chosen}
    files.write_parquet(dialogues, each)
    files.write_json(scores, {"predictions": predictions.as_posix(), **found})
    shown = {name: round(value["mean"], 2) for name, value in found["scores"].items()}
    if metrics:
        files.write_json(metrics, shown)
    print(f"{predictions}: {', '.join(f'{name} {value}' for name, value in shown.items())}")
    for warning in found["warnings"]:
        print(f"{predictions}: WARNING: {warning}")


def read_references(path: Path) -> dict[str, dict]:
    """The records of a test split by id; Refused names the line that is none."""
    known: dict[str, dict] = {}
    for where, row in tables.numbered_rows(path):
        if missing := [key for key in ("id", "dialogue", "references") if key not in row]:
            raise InputError(f"{where}: no {' nor '.join(missing)}; expected records as in data/records/test.jsonl")
        number, texts = identity(row["id"], "id", where), row["references"]
        if number in known:
            raise InputError(f"{where}: id {number!r} stands twice")
        if not isinstance(texts, list) or not texts or not all(map(said, texts)):
            raise InputError(f"{where}: references is {texts!r}, expected a list of one or more texts")
        if not said(row["dialogue"]):
            raise InputError(f"{where}: dialogue is {row['dialogue']!r}, expected text")
        known[number] = row
    if not known:
        raise InputError(f"{path}: the file holds no rows")
    return known


def identity(number: object, column: str, where: str) -> str:
    """An id as text; Refused where it is none."""
    if isinstance(number, bool) or not isinstance(number, str | int) or number == "":
        raise InputError(f"{where}: {column} is {number!r}, expected text or a number")
    return str(number)


def said(text: object) -> bool:
    """Whether this is a text that says something."""
    return isinstance(text, str) and bool(text.strip()) and whole(text)


def whole(text: str) -> bool:
    """Whether a text has no half of a character, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_predictions(path: Path, known: dict, id_column: str, prediction_column: str) -> list[dict]:
    """One prediction for each known id, in their order; Refused names the line and what is wrong with it."""
    found: dict[str, dict] = {}
    lines: dict[str, str] = {}
    for where, row in tables.rows(path):
        if missing := [column for column in (id_column, prediction_column) if column not in row]:
            raise InputError(f"{where}: no column {' nor '.join(missing)}; found {', '.join(row)}")
        number, text = identity(row[id_column], id_column, where), row[prediction_column]
        if not isinstance(text, str) or not whole(text):
            raise InputError(f"{where}: {prediction_column} is {text!r}, expected text")
        if number not in known:
            raise InputError(f"{where}: {id_column} {number!r} is none of the {len(known)} dialogues with references")
        if number in lines:
            raise InputError(f"{where}: {id_column} {number!r} already stands at {lines[number]}")
        lines[number] = where
        found[number] = {**row, "id": number, "prediction": text}
    if missing := [number for number in known if number not in found]:
        raise InputError(f"{path}: no prediction for {len(missing)} of {len(known)} dialogues, first {missing[0]!r}")
    if not any(row["prediction"].strip() for row in found.values()):
        raise InputError(f"{path}: every one of {len(found)} predictions is empty")
    return [found[number] for number in known]


def summary(each: list[dict], held_out: list[dict], scorer: Scorer, score: Score) -> dict:
    """A system's scores with 95 % intervals, its health and its warnings, from its dialogues' columns."""
    counted = {name: statistics.fmean(row[name] for row in each) for name in FURTHER}
    found = {
        "dialogues": len(each),
        "scores": points(each, score),
        "further": counted,
        "signature": scorer.signature([record["references"] for record in held_out]),
    }
    clean = [row for row, record in zip(each, held_out) if not record.get("near")]
    found["near"] = len(each) - len(clean)  # so many of the dialogues look much like one of train
    if found["near"] and len(clean) >= FEWEST:
        found["clean"] = {"dialogues": len(clean), "scores": points(clean, score)}
    if "words" in each[0]:
        found["health"] = condition(each)
        found["warnings"] = warnings(found["health"], score.warn) + unread(held_out)
    return found


def points(each: list[dict], score: Score) -> dict[str, dict[str, float]]:
    """Each headline score as mean, low and high: the score of all and its 95 % bootstrap interval."""
    drawn = Resampling.draw(len(each), score.resamples, score.seed)
    found = {}
    for name, measure in HEADLINE.items():
        columns = measure.table(each)
        low, high = drawn.interval(columns, measure.of(len(each)))
        value = float(measure.of(len(each))(columns.sum(axis=0)[None])[0])
        found[name] = {"mean": value, "low": low, "high": high}
    return found


def condition(each: list[dict]) -> dict[str, float | None]:
    """Percent of the summaries with each fault, and mean length, length ratio and novel bigrams."""

    def share(column: str) -> float | None:
        known = [bool(row[column]) for row in each if row[column] is not None]
        return 100 * statistics.fmean(known) if known else None

    def middle(column: str) -> float | None:
        known = [row[column] for row in each if row[column] is not None]
        return statistics.fmean(known) if known else None

    shares = {column: share(column) for column in ("cut", "empty", "repeats", "unsupported")}
    return shares | {column: middle(column) for column in ("words", "length_ratio", "novel_bigrams")}


def warnings(found: dict[str, float | None], warn: Warn) -> list[str]:
    """What a person should know before he believes the scores, one sentence each."""
    said = {
        "cut": "{:.0f} % of the summaries were cut at the length limit (score.warn.cut: {:g} %)",
        "empty": "{:.1f} % of the summaries are empty (score.warn.empty: {:g} %)",
        "repeats": "{:.0f} % of the summaries repeat three words or more (score.warn.repeats: {:g} %)",
        "unsupported": "{:.0f} % of the summaries have a name or number that the dialogue lacks"
        " (score.warn.unsupported: {:g} %)",
    }
    texts = [
        text.format(found[name], getattr(warn, name))
        for name, text in said.items()
        if found[name] is not None and found[name] > getattr(warn, name)
    ]
    low, high = warn.length_ratio
    if found["length_ratio"] is not None and not low <= found["length_ratio"] <= high:
        texts.append(
            f"the summaries are {found['length_ratio']:.2f} times as long as the references"
            f" (score.warn.length_ratio: {low:g} to {high:g})"
        )
    return texts


def unread(held_out: list[dict]) -> list[str]:
    """A warning where ROUGE, which reads a to z and 0 to 9, does not see what the references say."""
    letters = [letter for record in held_out for text in record["references"] for letter in text if letter.isalnum()]
    lost = sum(not letter.isascii() for letter in letters) / len(letters) if letters else 1.0
    if lost < UNREAD:
        return []
    return [f"ROUGE reads a to z and 0 to 9 alone: {100 * lost:.0f} % of the references' letters count for nothing"]


def evaluate_metric(metric: Metric, pairs: list[tuple[str, str]]) -> dict:
    """A metric of Hugging Face's `evaluate`, by hub name or local path, over all (prediction, reference) pairs."""
    import evaluate  # 5 s, so only where it is asked for

    name, further = metric["name"], {key: value for key, value in metric.items() if key != "name"}
    texts = {"predictions": [pair[0] for pair in pairs], "references": [pair[1] for pair in pairs]}
    try:
        result = evaluate.load(name).compute(**texts, **further)
    except Exception as error:  # a metric is foreign code and raises what it likes
        raise InputError(f"score.evaluate: metric {name!r}: {type(error).__name__}: {error}") from error
    scores = {}
    for key, value in (result or {}).items():
        with contextlib.suppress(TypeError, ValueError):  # texts among the numbers, as BERTScore's hash
            values = list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
            scores[key] = statistics.fmean(float(one) for one in values)  # BERTScore gives one value a pair
    if not scores:
        raise InputError(f"score.evaluate: metric {name!r} gave no number: {result!r}")
    if wrong := [key for key, value in scores.items() if not math.isfinite(value)]:
        raise InputError(f"score.evaluate: metric {name!r} gave {wrong[0]} = {scores[wrong[0]]}")
    return scores


if __name__ == "__main__":
    run_stage(run)
