"""The tables of the section on soft prompts."""

from collections.abc import Callable
from typing import Any

from pipeline.reporting.cells import EMPTY, Cell, Code, Count, Estimated, Number, Percent, Shaded, Text, optional
from pipeline.reporting.page import Column, Columns, Table, build_table

Row = dict[str, Any]
LOSSES = {
    "trained": ("with it", "Loss of a validation token with the prompt, in nats."),
    "snapped": ("nearest tokens", "With every vector replaced by its nearest token."),
    "initial": ("as it began", "With the tokens that the training began with: words that learned nothing."),
    "none": ("without", "Without a prompt: the base."),
}
BETWEEN = "Cosine of a token to the nearest other one: median, and in brackets what 5 % are below and 5 % above."
NEARER_THAN = "The share of the vocabulary's tokens that are less near to their own nearest one."
BY_L2 = "The nearest token by Euclidean distance, where it is another."
BY_DOT = "The token with the largest dot product, where it is another."


def losses(runs: dict[str, Row]) -> Table:
    """A row for each run: its loss, and what changes of its prompt make of it."""
    kinds = [kind for kind in LOSSES if any(kind in run["losses"] for run in runs.values())]
    columns: Columns = [
        (Column("soft prompt", align="left"), lambda item: Text(item[0])),
        *((Column(*LOSSES[kind]), _loss(kind)) for kind in kinds),
        (
            Column("tokens keep, %", "Of what the prompt takes off the loss, with a 95 % interval."),
            lambda item: optional(_kept, item[1]["kept"]),
        ),
    ]
    return build_table("Loss with and without the prompt", columns, runs.items(), show_name=True)


def _loss(kind: str) -> Callable[[Any], Cell | None]:
    return lambda item: optional(Number, item[1]["losses"].get(kind), 3)


def _kept(score: dict[str, float]) -> Cell:
    return Estimated(score["mean"], score["low"], score["high"], 0)


def vectors(found: Row) -> Table:
    """How near the vectors of each prompt are to tokens, how long they are, and what they began as."""
    usual, norm = found["vocabulary"], token_norm(found)
    columns: Columns = [
        (Column("soft prompt", align="left"), lambda item: Text(item[0])),
        (Column("vectors"), lambda item: Count(item[1]["virtual_tokens"])),
        (
            Column("nearest token", "Cosine of a vector to its nearest token, the median."),
            lambda item: Number(item[1]["cosine"], 2),
        ),
        (Column("between tokens", BETWEEN), lambda item: _quantiles(usual["cosine"])),
        (
            Column("random directions", "The same of a random direction to its nearest token."),
            lambda item: _quantiles(usual["random"]),
        ),
        (
            Column("beyond these", "Vectors that are nearer to a token than 95 % of random directions."),
            lambda item: _of_listed(item[1]["beyond_random"], item[1]),
        ),
        (
            Column("length", "Norm of a vector, in norms of a token: both medians."),
            lambda item: Number(item[1]["norm"] / norm),
        ),
    ]
    if any(run["unmoved"] is not None for run in found["runs"].values()):
        meaning = "Vectors whose nearest token is the one that they began as."
        columns.append((Column("still its first", meaning), lambda item: _of_listed(item[1]["unmoved"], item[1])))
    return build_table("Vectors beside the vocabulary", columns, found["runs"].items(), show_name=True)


def _quantiles(values: dict[str, float]) -> Cell:
    return Estimated(values["median"], values["low"], values["high"], 2)


def _of_listed(count: int | None, run: Row) -> Cell | None:
    return None if count is None else Text(f"{count} of {len(run['tokens'])}")


def token_norm(found: Row) -> float:
    """The median norm of a token: the unit of lengths and distances."""
    return max(found["vocabulary"]["norm"]["median"], 1e-9)


def tokens(name: str, run: Row, found: Row) -> Table:
    """A row for each listed vector; the darker its importance, the more the loss rises without it."""
    norm, rows = token_norm(found), run["tokens"]
    most = max([1e-9, *(row["importance"] for row in rows)])
    columns: Columns = [
        (Column("vector"), lambda row: Count(row["token"])),
        (
            Column("nearest tokens", "The nearest first, by cosine; ▁ is a space.", align="left", wrap=True),
            lambda row: words(row["words"]),
        ),
        (
            Column("importance", "Nats per token that the loss rises where this vector is zero."),
            lambda row: importance(row["importance"], most),
        ),
        (Column("cosine", "To the nearest token."), lambda row: Number(row["cosines"][0], 2)),
        (Column("nearer than", NEARER_THAN), lambda row: Percent(100 * row["nearer_than"])),
    ]
    for key, title, meaning in (("by_l2", "by L2", BY_L2), ("by_dot", "by dot product", BY_DOT)):
        if any(row[key] != row["words"][0] for row in rows):
            columns.append((Column(title, meaning, align="left"), _where_other(key)))
    columns.append((Column("length", "In norms of a token (median)."), lambda row: Number(row["norm"] / norm)))
    if rows[0]["initial"] is not None:
        columns += [
            (
                Column("began as", "The token as which the training began.", align="left"),
                lambda row: Code(row["initial"]),
            ),
            (
                Column("drift", "Cosine to the token that it began as: 1 is the same direction."),
                lambda row: Number(round(row["drift"], 2) + 0.0, 2),  # no minus before a zero
            ),
            (Column("moved", "Distance from it, in norms of a token."), lambda row: Number(row["moved"] / norm)),
        ]
    return build_table(f"Vectors of {name}", columns, rows, show_name=True)


def words(names: list[str]) -> Cell:
    """Tokens in a row; those that begin a word have a mark of their own."""
    return Code("  ".join(names)) if names else EMPTY


def importance(value: float, most: float) -> Cell:
    """Shaded by its share of the largest one."""
    return Shaded(Number(round(value, 3) + 0.0, 3, sign=True), max(0.0, value / most), best=value == most)


def _where_other(key: str) -> Callable[[Row], Cell]:
    return lambda row: Code(row[key]) if row[key] != row["words"][0] else EMPTY


def clusters(name: str, found: list[list[Row]]) -> Table:
    """A row for each cluster of vectors."""
    columns: Columns = [
        (Column("vectors"), lambda rows: Text(", ".join(str(row["token"]) for row in rows))),
        (
            Column("their nearest tokens", align="left", wrap=True),
            lambda rows: words(list(dict.fromkeys(row["words"][0] for row in rows))),
        ),
        (
            Column("importance", "The sum of theirs."),
            lambda rows: Number(sum(row["importance"] for row in rows), 3, sign=True),
        ),
    ]
    return build_table(f"Clusters of {name}", columns, found, show_name=True)


def shared(pairs: list[Row]) -> Table:
    """A row for each two seeds of a method."""
    columns: Columns = [
        (Column("prompts", align="left"), lambda pair: Text(f"{pair['first']}, {pair['second']}")),
        (Column("same nearest tokens"), lambda pair: Count(len(pair["words"]))),
        (Column("begun with", "How many of these both prompts began with."), lambda pair: Count(pair["begun_with"])),
        (Column("which", align="left", wrap=True), lambda pair: words(pair["words"])),
        (
            Column("cosine", "The highest cosine of a vector to one of the other prompt, mean over vectors."),
            lambda pair: Number(pair["cosine"], 2),
        ),
        (Column("of random vectors", "The same of as many random vectors."), lambda pair: Number(pair["random"], 2)),
    ]
    return build_table("What two seeds share", columns, pairs, show_name=True)
