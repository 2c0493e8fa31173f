"""What the stage `soft_prompt` leaves of a run."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

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


class VirtualToken(TypedDict):
    """A row of reports/runs/soft_prompt/RUN.parquet: a vector of the prompt.

    words, cosines: the nearest tokens, the nearest first. by_l2, by_dot: the nearest by these. nearer_than: the share
    of the vocabulary's tokens that are less near to their nearest one. initial: the token that it began as, drift: its
    cosine to that. importance: nats per token that the loss rises without it.
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
    vector: list[float]
