"""What is in the files of scores, costs and answers: the keys that the comparison and the report use."""

from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from pipeline.evaluation.metrics import METRICS


class Estimate(TypedDict):
    """A score with its interval."""

    mean: float | None
    low: float | None
    high: float | None


def _with_every_metric(scores: dict[str, Estimate]) -> dict[str, Estimate]:
    if missing := [name for name in METRICS if name not in scores]:
        raise ValueError(f"no {missing[0]!r}")
    return scores


Scores = Annotated[dict[str, Estimate], AfterValidator(_with_every_metric)]


class SystemScores(TypedDict):
    """reports/scores/SYSTEM.json, and reports/baselines/BASELINE.json without the last four."""

    dialogues: int
    scores: Scores
    by_seed: dict[str, dict[str, float]]
    further: dict[str, float]
    signature: dict[str, str]
    near_duplicates: int
    diagnostics: NotRequired[dict[str, float | None]]
    reference_diagnostics: NotRequired[dict[str, float | None]]  # of the people's references of the same dialogues
    warnings: NotRequired[list[str]]
    evaluate: NotRequired[dict[str, Any]]


_METRIC_COLUMNS = {column: float for metric in METRICS.values() for column in metric.columns}
# reports/baselines/BASELINE.parquet, dialogue by dialogue.
BaselineScores = TypedDict("BaselineScores", {"id": str, **_METRIC_COLUMNS})  # type: ignore[misc]
# reports/dialogues/SYSTEM.parquet: what is compared, dialogue by dialogue and seed by seed.
_SYSTEM_COLUMNS: dict[str, Any] = {"seed": int | None, "prediction": str, "words": float}
DialogueScores = TypedDict("DialogueScores", {"id": str, **_SYSTEM_COLUMNS, **_METRIC_COLUMNS})  # type: ignore[misc]


class TrainingSeconds(TypedDict):
    train: Annotated[float, Field(gt=0)]


class TrainingRun(TypedDict):
    """reports/runs/train/METHOD.json; the last two only where something was trained."""

    trainable_parameters: int
    total_parameters: Annotated[int, Field(gt=0)]
    bytes: int
    base_bytes: int
    needs_base: bool
    seconds: NotRequired[TrainingSeconds]
    non_padding_tokens: NotRequired[int]


class GenerationSeconds(TypedDict):
    generate: Annotated[float, Field(gt=0)]


class GenerationPeaks(TypedDict):
    load: float | None
    generate: float | None


class Timing(TypedDict):
    """Of one way to generate; per prompt, and of new tokens."""

    seconds_per_prompt: float
    tokens_per_second: float


class GenerationRun(TypedDict):
    """reports/runs/generate/METHOD.json."""

    new_tokens: int
    request_tokens: float
    extra_prompt_tokens: float
    latency: dict[str, Timing | int]
    seconds: GenerationSeconds
    peak_mib: GenerationPeaks


def _with_what_was_written(correct: dict[str, bool]) -> dict[str, bool]:
    if "written" not in correct:
        raise ValueError("no 'written'")
    return correct


class Answer(TypedDict):
    """A line of reports/answers/METHOD.jsonl; given and correct: by reading (evaluation/questions.py)."""

    id: str
    task: str
    answer: str
    choices: NotRequired[list[str]]
    given: dict[str, str]
    correct: Annotated[dict[str, bool], AfterValidator(_with_what_was_written)]


class TextLoss(TypedDict):
    """Of all held-out texts, and of each."""

    mean: float
    nats: Annotated[list[float], Field(min_length=1)]
    tokens: Annotated[list[int], Field(min_length=1)]


class Forgetting(TypedDict):
    """reports/forgetting/METHOD.json; accuracy: reading -> task or `mean` -> share."""

    questions: int
    with_choices: int
    accuracy: dict[str, dict[str, float]]
    text_loss: TextLoss
