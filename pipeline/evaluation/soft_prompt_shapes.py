"""What the stage `soft_prompt` leaves of a run, and what comparison.json says of it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from pipeline.evaluation.shapes import Estimate

CLOSED = ConfigDict(extra="forbid")
# As the prompt is; each vector replaced by its nearest token; as it began; without a prompt.
PromptKind = Literal["trained", "snapped", "initial", "none"]


class Quantiles(TypedDict):
    """The median, and what 5 % are below and 5 % above."""

    low: float
    median: float
    high: float


class VocabularyNearness(TypedDict):
    """cosine: of a token to the nearest other one. random: of a random direction to its nearest token."""

    tokens: Annotated[int, Field(ge=1)]
    norm: Quantiles
    cosine: Quantiles
    random: Quantiles


Nats = Annotated[list[float], Field(min_length=1)]


class SoftPromptRun(TypedDict):
    """reports/runs/soft_prompt/RUN.json. labels, nats: of each validation example; nats for each kind of prompt that
    there is, `initial` alone may be missing. neutralized_examples: those of the importances.
    """

    virtual_tokens: Annotated[int, Field(ge=1)]
    vocabulary: VocabularyNearness
    labels: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    nats: dict[PromptKind, Nats]
    neutralized_examples: Annotated[int, Field(ge=1)]


@with_config(CLOSED)
class ReadToken(TypedDict):
    """A vector of a prompt.

    words, cosines: the nearest tokens, the nearest first. by_l2, by_dot: the nearest by these. nearer_than: the share
    of the vocabulary's tokens that are less near to their nearest one. initial: the token that it began as, drift: its
    cosine to that, moved: its distance from it. importance: nats per token that the loss rises without it.
    """

    token: int
    words: Annotated[list[str], Field(min_length=1)]
    cosines: Annotated[list[float], Field(min_length=1)]
    by_l2: str
    l2: float
    by_dot: str
    norm: float
    nearer_than: float
    initial: str | None
    drift: float | None
    moved: float | None
    cluster: int
    importance: float


class VirtualToken(ReadToken):
    """A row of reports/runs/soft_prompt/RUN.parquet."""

    vector: list[float]


@with_config(CLOSED)
class PromptReading(TypedDict):
    """What a run's soft prompt says. losses: nats per token. gain: what it takes off the loss, kept: percent of that
    which its nearest tokens keep. cosine, norm: medians. beyond_random: how many vectors are nearer to a token than
    95 % of random directions, like_random: they are no more than chance gives. unmoved: nearest to what they began as.
    """

    virtual_tokens: int
    verdict: Literal["words", "part", "wayward", "unclear", "no gain"]
    sentence: str
    losses: dict[PromptKind, float]
    gain: Estimate
    kept: Estimate | None
    cosine: float
    norm: float
    beyond_random: int
    like_random: bool
    unmoved: int | None
    tokens: list[ReadToken]


@with_config(CLOSED)
class SharedPrompts(TypedDict):
    """What two seeds have in common. begun_with: how many of the words both began with. cosine: the mean of a vector's
    highest one to the other prompt, random: the same of random vectors.
    """

    first: str
    second: str
    words: list[str]
    begun_with: int
    cosine: float
    random: float


@with_config(CLOSED)
class SoftPrompts(TypedDict):
    """Of the methods that train vectors among the embeddings: run -> what its prompt says."""

    examples: int
    neutralized_examples: int
    vocabulary: VocabularyNearness
    runs: dict[str, PromptReading]
    shared: list[SharedPrompts]
