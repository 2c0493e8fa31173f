"""What is in the files of scores, costs and answers: the keys that the comparison and the report use."""

import functools
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from pipeline.core.contention import Contention
from pipeline.evaluation.tasks import kind_of
from pipeline.evaluation.tasks.base import TaskScorer

PEOPLE = "references"  # in place of a system's name: each example's first reference, as if it were an output


class Estimate(TypedDict):
    """A score with its interval."""

    mean: float | None
    low: float | None
    high: float | None


def _with_every_metric(scores: dict[str, Estimate]) -> dict[str, Estimate]:
    if missing := [name for name in kind_of(scores).metrics if name not in scores]:
        raise ValueError(f"no {missing[0]!r}")
    return scores


Scores = Annotated[dict[str, Estimate], AfterValidator(_with_every_metric)]


class SystemScores(TypedDict):
    """reports/scores/SYSTEM.json, and reports/baselines/BASELINE.json without the last four."""

    examples: int
    scores: Scores
    by_seed: dict[str, dict[str, float]]
    further: dict[str, float]
    signature: dict[str, str]
    near_duplicates: int
    diagnostics: NotRequired[dict[str, float | None]]
    reference_diagnostics: NotRequired[dict[str, float | None]]  # of the people's references of the same examples
    warnings: NotRequired[list[str]]
    evaluate: NotRequired[dict[str, Any]]


@functools.cache
def baseline_scores(kind: type[TaskScorer]) -> Any:
    """reports/baselines/BASELINE.parquet: what is compared, example by example."""
    columns = {column: str if metric.expand else float for metric in kind.metrics.values() for column in metric.columns}
    return TypedDict("BaselineScores", {"id": str, **columns})  # type: ignore[misc,operator]


@functools.cache
def example_scores(kind: type[TaskScorer]) -> Any:
    """reports/examples/SYSTEM.parquet: the same of a method or an external system, seed by seed."""
    columns = {"seed": int | None, "prediction": str, "words": float} | baseline_scores(kind).__annotations__
    return TypedDict("ExampleScores", columns)  # type: ignore[misc,operator]


class MixedTask(TypedDict):
    """Of a further task: how many of its examples the mixture has."""

    gave: Annotated[int, Field(ge=0)]


class MixtureCard(TypedDict):
    """reports/mixture.json."""

    own: Annotated[int, Field(ge=1)]
    tasks: dict[str, MixedTask]


class BenchmarkTask(TypedDict):
    """Of a task of lm-eval: what was asked, and how its items were scored."""

    metric: str
    items: Annotated[int, Field(ge=1)]
    version: str
    num_fewshot: int
    limit: int | None
    commit: str | None


class BenchmarkRun(TypedDict):
    """reports/runs/benchmark/RUN.json."""

    lm_eval: str
    tasks: dict[str, BenchmarkTask]


class ItemScore(TypedDict):
    """A row of reports/runs/benchmark/RUN.parquet; score: 0 to 1."""

    task: str
    item: str
    score: float


class ScoredOutput(TypedDict):
    """What judges read of a row of reports/examples/SYSTEM.parquet."""

    id: str
    seed: int | None
    prediction: str


class Judgement(TypedDict):
    """A row of reports/runs/judges/JUDGE.parquet; system: PEOPLE for each example's first reference."""

    system: str
    seed: int | None
    id: str
    value: float


class PerturbedScore(TypedDict):
    """A row of reports/runs/robustness/RUN.parquet, beside the columns of the task's metrics."""

    perturbation: str
    seed: int | None
    id: str


class Memory(TypedDict):
    """Of a process that ran a stage: after its imports, with the model loaded, and the peak of each phase, in MiB."""

    imports_mib: float
    model_mib: float
    peak_mib: dict[str, float]


class TrainingSeconds(TypedDict):
    train: Annotated[float, Field(gt=0)]


class TrainingContention(TypedDict):
    train: Contention


class TrainingRun(TypedDict):
    """reports/runs/train/RUN.json; what may be left out is there where something was trained, with its memory.

    setting: a hash that tries of the same search for a learning rate share. tokens_per_second: non-padding tokens,
    between two entries of the log each.
    """

    setting: NotRequired[str]
    learning_rate: NotRequired[float]
    trainable_parameters: int
    total_parameters: Annotated[int, Field(gt=0)]
    bytes: int
    base_bytes: int
    needs_base: bool
    seconds: NotRequired[TrainingSeconds]
    cpu_seconds: NotRequired[TrainingSeconds]
    contention: NotRequired[TrainingContention]
    tokens_per_second: NotRequired[Annotated[list[float], Field(min_length=1)]]
    imports_mib: NotRequired[float]
    model_mib: NotRequired[float]
    peak_mib: NotRequired[dict[str, float]]


class GenerationSeconds(TypedDict):
    generate: Annotated[float, Field(gt=0)]


class GenerationContention(TypedDict):
    generate: Contention


class GenerationRun(Memory):
    """reports/runs/generate/RUN.json."""

    new_tokens: int
    request_tokens: float
    extra_prompt_tokens: float
    seconds: GenerationSeconds
    cpu_seconds: GenerationSeconds
    contention: GenerationContention


class ForgettingRun(Memory):
    """reports/runs/forgetting/RUN.json."""


Rounds = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)]


class BatchTimings(TypedDict):
    """Seconds of a batch until its first token and until its last, one of each round."""

    first_seconds: Rounds
    seconds: Rounds
    first_cpu_seconds: list[float]
    cpu_seconds: list[float]


class InferenceVariant(TypedDict):
    """A way to serve a method. form: `merged`, `unmerged` or `as it is`. batches: by their size, "1" first."""

    name: str
    method: str
    form: str
    batches: Annotated[dict[str, BatchTimings], Field(min_length=1)]


class InferenceRun(TypedDict):
    """reports/runs/inference.json. control: the variants that compute the same."""

    rounds: int
    prompts: int
    batch_size: int
    new_tokens: Annotated[int, Field(ge=1)]
    together: bool
    control: list[str]
    contention: Contention
    variants: list[InferenceVariant]


def _with_what_was_written(correct: dict[str, bool]) -> dict[str, bool]:
    if "written" not in correct:
        raise ValueError("no 'written'")
    return correct


class Answer(TypedDict):
    """A line of reports/answers/RUN.jsonl; given and correct: by reading (evaluation/questions.py)."""

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
    """reports/forgetting/RUN.json; accuracy: reading -> task or `mean` -> share."""

    questions: int
    with_choices: int
    accuracy: dict[str, dict[str, float]]
    text_loss: TextLoss


class MedianInterval(TypedDict):
    """Of the rounds; no interval where they are too few."""

    median: float
    low: float | None
    high: float | None


class VariantCosts(TypedDict):
    """A variant at one size of the batch; seconds and cpu_seconds of an output, the others of a batch."""

    first_seconds: MedianInterval
    token_milliseconds: MedianInterval
    seconds: MedianInterval
    cpu_seconds: MedianInterval
    relative: MedianInterval


class CostsOfVariant(TypedDict):
    method: str
    form: str
    batches: dict[str, VariantCosts]


class Control(TypedDict):
    """difference: of the largest median from the smallest, in percent."""

    names: list[str]
    difference: float
    holds: bool


class BatchComparison(TypedDict):
    """ranking: groups of variants, the fastest first; None where times cannot be compared."""

    control: Control
    ranking: list[list[str]] | None
    reference: str


class InferenceCosts(TypedDict):
    """What inference costs; by the name of a variant, and by the size of the batch. busy: why; empty where it was not.

    The variant with a method's own name is the one that a user would serve.
    """

    rounds: int
    prompts: int
    new_tokens: int
    together: bool
    contention: Contention
    busy: str
    by_batch: dict[str, BatchComparison]
    variants: dict[str, CostsOfVariant]
