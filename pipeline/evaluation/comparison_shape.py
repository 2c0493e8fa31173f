"""reports/comparison.json: everything in it. docs/comparison_schema.md says the same for readers.

SCHEMA grows when a key is renamed, removed or changes its meaning; a new key leaves it as it is. A key that is not here
is refused, so each has its line and its type.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from pipeline.evaluation.shapes import Estimate, InferenceCosts, Scores
from pipeline.evaluation.soft_prompt_shapes import SoftPrompts

SCHEMA = 3
CLOSED = ConfigDict(extra="forbid")

Points = dict[str, float]  # metric -> points
Share = Annotated[float, Field(ge=0, le=1)]


@with_config(CLOSED)
class TestedDifference(TypedDict):
    """A difference in points, with its interval and its p-value, corrected for their number."""

    difference: float
    low: float
    high: float
    p: Share
    p_holm: Share
    significant: bool


@with_config(CLOSED)
class Difference(TestedDifference):
    """A row of `pairs`: first minus second."""

    first: str
    second: str
    seeds: Annotated[int, Field(ge=0)]
    sd_seed: float | None
    sd_example: float | None
    sd_rest: float | None
    p_non_inferior: Share | None
    p_non_inferior_second: Share | None


@with_config(CLOSED)
class Interval(TypedDict):
    """Of a difference from a baseline."""

    difference: float
    low: float
    high: float


@with_config(CLOSED)
class WithoutNearDuplicates(TypedDict):
    examples: int
    scores: Scores


@with_config(CLOSED)
class Quartiles(TypedDict):
    """Of the tokens per second of a training; low and high are the quartiles."""

    median: float
    low: float
    high: float


@with_config(CLOSED)
class Cost(TypedDict):
    """Seconds on the clock and of processors, tokens per second; None where nothing was measured."""

    train_seconds: float
    train_cpu_seconds: float
    seconds_to_best: float | None
    validation_seconds: float
    train_tokens_per_second: Quartiles | None
    generate_seconds: float
    generate_cpu_seconds: float
    generate_tokens_per_second: float


@with_config(CLOSED)
class Search(TypedDict):
    """The search for a method's learning rate: tried values, the best of them on validation, and the one used."""

    values: list[float]
    trainings: int
    cpu_seconds: float
    best: float
    used: float


@with_config(CLOSED)
class PhaseMemory(TypedDict):
    """MiB of a process: its peak, how much of it is above the loaded model, and its imports."""

    peak: float
    above_model: float
    imports: float


@with_config(CLOSED)
class Reading(TypedDict):
    """One way to read an answer: percent by task and as means; `change` against the base where that was measured."""

    accuracy: dict[str, float]
    chance: dict[str, dict[str, float]]  # how an answer is guessed -> task -> percent
    change: NotRequired[dict[str, Estimate]]


@with_config(CLOSED)
class Forgetting(TypedDict):
    """What a method left of the base's other abilities."""

    runs: int
    questions: int
    with_choices: int
    readings: dict[str, Reading]
    text_loss: float
    text_loss_change: NotRequired[Estimate]


@with_config(CLOSED)
class ForgettingDifference(TypedDict):
    """An adapter's accuracy minus that of a wholly trained method, mean over tasks, in points of a reading."""

    first: str
    second: str
    reading: str
    mean: float
    low: float
    high: float


@with_config(CLOSED)
class ForgettingComparison(TypedDict):
    """What was forgotten, method against method and in words."""

    differences: list[ForgettingDifference]
    sentences: list[str]


@with_config(CLOSED)
class System(TypedDict):
    """A row of `systems`: first the baselines, then the methods, then the external systems."""

    name: str
    kind: Literal["baseline", "method", "external"]
    flags: list[str]
    examples: int
    scores: Scores
    by_seed: dict[str, Points]
    further: dict[str, float]
    signature: dict[str, str]
    near_duplicates: int
    without_near_duplicates: NotRequired[WithoutNearDuplicates]
    # Methods and external systems
    minus_baselines: NotRequired[dict[str, Interval]]
    diagnostics: NotRequired[dict[str, float | None]]
    reference_diagnostics: NotRequired[dict[str, float | None]]
    warnings: NotRequired[list[str]]
    evaluate: NotRequired[dict[str, dict[str, float]]]
    # Methods
    trainable_parameters: NotRequired[int]
    total_parameters: NotRequired[int]
    share: NotRequired[Share]
    needs_base: NotRequired[bool]
    bytes: NotRequired[int]
    bytes_of_ten_tasks: NotRequired[int]
    request_tokens: NotRequired[float]
    request_seconds: NotRequired[float | None]
    extra_prompt_tokens: NotRequired[float]
    cost: NotRequired[Cost]
    search: NotRequired[Search | None]
    memory: NotRequired[dict[str, PhaseMemory | None]]
    busy: NotRequired[dict[str, str]]
    forgetting: NotRequired[Forgetting]


@with_config(CLOSED)
class MetricSummary(TypedDict):
    """A metric of a group: every system's score, the best system, and the others' differences from it.

    people: what the references score. by_chance: what a perfectly calibrated model would show.
    """

    group: str
    name: str
    meaning: str
    higher_is_better: bool
    digits: int
    items: int
    systems: dict[str, Estimate]
    best: str
    differences: dict[str, TestedDifference]
    people: NotRequired[float]
    by_chance: NotRequired[dict[str, float]]


@with_config(CLOSED)
class Mixture(TypedDict):
    """Training examples: the task's own, and those of each further task."""

    own: int
    further: dict[str, int]


@with_config(CLOSED)
class Benchmark(TypedDict):
    """Tasks of lm-eval: items by task, and method -> task, or `mean` over tasks -> percent, and minus zero_shot."""

    signature: str
    items: dict[str, int]
    scores: dict[str, dict[str, float]]
    differences: dict[str, dict[str, TestedDifference]]


@with_config(CLOSED)
class Comparison(TypedDict):
    """The file."""

    schema: Annotated[int, Field(ge=SCHEMA, le=SCHEMA)]
    primary_metric: str
    signature: dict[str, str]
    examples: int
    seeds: list[int]
    resamples: int
    non_inferiority_margin: float
    systems: Annotated[list[System], Field(min_length=1)]
    pairs: dict[str, list[Difference]]
    metrics: NotRequired[list[MetricSummary]]
    mixture: NotRequired[Mixture]
    forgetting: ForgettingComparison
    benchmark: NotRequired[Benchmark]
    soft_prompts: NotRequired[SoftPrompts]
    inference: NotRequired[InferenceCosts]
    verdict: list[str]
