"""What the soft prompts say: a sentence and losses for each run, and the tokens that are nearest to its vectors."""

from collections.abc import Callable
from typing import Any

from pipeline.evaluation.soft_prompts import clusters_of
from pipeline.reporting.cells import EMPTY, Cell, Code, Count, Estimated, Number, Percent, Shaded, Text, optional
from pipeline.reporting.page import (
    Block,
    Column,
    Columns,
    Fold,
    Section,
    Strong,
    Table,
    Warnings,
    build_table,
    counted,
    note,
    prose,
    section,
)

Row = dict[str, Any]
SHOWN = 20  # rows of a table that is not folded
LOSSES = {
    "trained": ("with it", "Loss of a validation token with the prompt, in nats."),
    "snapped": ("nearest tokens", "With every vector replaced by its nearest token."),
    "initial": ("as it began", "With the tokens that the training began with: words that learned nothing."),
    "none": ("without", "Without a prompt: the base."),
}


def soft_prompt_section(found: Row) -> Section:
    """found: `soft_prompts` of the comparison."""
    runs = found["runs"]
    like_random = [like_random_words(name, run) for name, run in runs.items() if run["like_random"]]
    first, *others = [tokens_table(name, run, found) for name, run in runs.items()]
    blocks: list[Block | None] = [
        *(prose(Strong(name), f": {run['sentence']}") for name, run in runs.items()),
        Warnings(tuple(like_random)) if like_random else None,
        losses(runs),
        note(
            f"Cross entropy of {counted(found['examples'], 'validation example')}; intervals are over these examples. "
            "That a prompt can do one thing while its nearest tokens say another is its waywardness (Khashabi et al., "
            "2022)."
        ),
        vectors(found),
        note(
            "Cosine to the nearest token, medians. It counts against the other two columns: how near the tokens of the "
            "vocabulary are to each other, and how near any direction is to some token."
        ),
        first if len(first.rows) <= SHOWN else folded(first),
        *map(folded, others),
        note(explained(found)),
        *(block for name, run in runs.items() for block in cluster_blocks(name, run)),
        shared(found["shared"]) if found["shared"] else None,
    ]
    return section("What the soft prompt says", *blocks)


def like_random_words(name: str, run: Row) -> str:
    count = len(run["tokens"])
    return (
        f"{name}: its vectors are no nearer to tokens than random directions are ({run['beyond_random']} of {count} "
        "are nearer than 95 % of these, which chance gives too). Words beside them are chance."
    )


def losses(runs: dict[str, Row]) -> Table:
    columns: Columns = [(Column("soft prompt", align="left"), lambda item: Text(item[0]))]
    for kind, (title, meaning) in LOSSES.items():
        if any(kind in run["losses"] for run in runs.values()):
            columns.append((Column(title, meaning), _loss(kind)))
    columns.append(
        (
            Column("tokens keep, %", "Of what the prompt takes off the loss, with a 95 % interval."),
            lambda item: optional(_estimated, item[1]["kept"]),
        )
    )
    return build_table("Loss with and without the prompt", columns, runs.items(), show_name=True)


def _loss(kind: str) -> Callable[[Any], Cell | None]:
    return lambda item: optional(Number, item[1]["losses"].get(kind), 3)


def _estimated(score: dict[str, float]) -> Cell:
    return Estimated(score["mean"], score["low"], score["high"], 0)


def vectors(found: Row) -> Table:
    """How near the vectors of each prompt are to tokens, how long they are, and what they began as."""
    usual = found["vocabulary"]
    columns: Columns = [
        (Column("soft prompt", align="left"), lambda item: Text(item[0])),
        (Column("vectors"), lambda item: Count(item[1]["virtual_tokens"])),
        (
            Column("nearest token", "Cosine of a vector to its nearest token."),
            lambda item: Number(item[1]["cosine"], 2),
        ),
        (
            Column(
                "between tokens",
                "Cosine of a token to the nearest other one; 5 % are below the first number in "
                "brackets, and 5 % above the second.",
            ),
            lambda item: _quantiles(usual["cosine"]),
        ),
        (
            Column("random directions", "Cosine of a random direction to its nearest token."),
            lambda item: _quantiles(usual["random"]),
        ),
        (
            Column("beyond these", "Vectors that are nearer to a token than 95 % of random directions."),
            lambda item: Text(f"{item[1]['beyond_random']} of {len(item[1]['tokens'])}"),
        ),
        (
            Column("length", "Norm of a vector, in norms of a token: both medians."),
            lambda item: Number(item[1]["norm"] / token_norm(found), 1),
        ),
    ]
    if any(run["unmoved"] is not None for run in found["runs"].values()):
        columns.append(
            (
                Column("still its first", "Vectors whose nearest token is the one that they began as."),
                lambda item: (
                    None if item[1]["unmoved"] is None else Text(f"{item[1]['unmoved']} of {len(item[1]['tokens'])}")
                ),
            )
        )
    return build_table("Vectors beside the vocabulary", columns, found["runs"].items(), show_name=True)


def token_norm(found: Row) -> float:
    """The median norm of a token: the unit of lengths and distances."""
    return max(found["vocabulary"]["norm"]["median"], 1e-9)


def _quantiles(values: dict[str, float]) -> Cell:
    return Estimated(values["median"], values["low"], values["high"], 2)


def tokens_table(name: str, run: Row, found: Row) -> Table:
    """A row for each listed vector; the darker its importance, the more the loss rises without it."""
    tokens = run["tokens"]
    most = max([0.0, *(row["importance"] for row in tokens)])
    columns: Columns = [
        (Column("vector"), lambda row: Count(row["token"])),
        (
            Column("nearest tokens", "The nearest first, by cosine; ▁ is a space.", align="left", wrap=True),
            lambda row: Code("  ".join(row["words"])),
        ),
        (Column("cosine", "To the nearest token."), lambda row: Number(row["cosines"][0], 2)),
        (
            Column("nearer than", "The share of the vocabulary's tokens that are less near to their own nearest one."),
            lambda row: Percent(100 * row["nearer_than"]),
        ),
    ]
    if any({row["by_l2"], row["by_dot"]} != {row["words"][0]} for row in tokens):
        columns += [
            (
                Column("by L2", "The nearest token by Euclidean distance, where it is another.", align="left"),
                lambda row: _other(row["by_l2"], row),
            ),
            (
                Column("by dot product", "The token with the largest dot product, where it is another.", align="left"),
                lambda row: _other(row["by_dot"], row),
            ),
        ]
    columns.append(
        (
            Column("length", "In norms of a token (median)."),
            lambda row: Number(row["norm"] / token_norm(found), 1),
        )
    )
    if tokens[0]["initial"] is not None:
        columns += [
            (
                Column("began as", "The token as which the training began.", align="left"),
                lambda row: Code(row["initial"]),
            ),
            (
                Column("drift", "Cosine to the token that it began as: 1 is where it was."),
                lambda row: Number(round(row["drift"], 2) + 0.0, 2),
            ),
            (
                Column("moved", "Distance from it, in norms of a token."),
                lambda row: Number(row["moved"] / token_norm(found), 1),
            ),
        ]
    columns.append(
        (
            Column("importance", "Nats per token that the loss rises where this vector is zero."),
            lambda row: Shaded(
                Number(row["importance"], 3, sign=True),
                max(0.0, row["importance"] / most) if most else 0.0,
                best=bool(most) and row["importance"] == most,
            ),
        )
    )
    return build_table(f"Vectors of {name}", columns, tokens, show_name=True)


def _other(word: str, row: Row) -> Cell:
    return Code(word) if word != row["words"][0] else EMPTY


def folded(table: Table) -> Fold:
    return Fold(table.name, (Table(table.name, table.columns, table.rows),))


def explained(found: Row) -> str:
    part = [
        f"{name}: {len(run['tokens'])} of {run['virtual_tokens']} vectors, evenly spread"
        for name, run in found["runs"].items()
        if len(run["tokens"]) < run["virtual_tokens"]
    ]
    return " ".join(
        [
            f"Importance on {counted(found['neutralized_examples'], 'example')}. Tokens that no text has are named as "
            "(special) or (unused).",
            *(f"{each}." for each in part),
        ]
    )


def cluster_blocks(name: str, run: Row) -> list[Block]:
    """The clusters that have several vectors, with their words."""
    found = clusters_of(run["tokens"])
    if not found:
        return [note(f"{name}: no two vectors are as near to each other as a token usually is to its nearest one.")]
    columns: Columns = [
        (Column("vectors"), lambda rows: Text(", ".join(str(row["token"]) for row in rows))),
        (
            Column("their nearest tokens", align="left", wrap=True),
            lambda rows: Code("  ".join(dict.fromkeys(row["words"][0] for row in rows))),
        ),
        (
            Column("importance", "The sum of theirs."),
            lambda rows: Number(sum(row["importance"] for row in rows), 3, True),
        ),
    ]
    return [
        build_table(f"Clusters of {name}", columns, found.values(), show_name=True),
        note("Average linkage: as near to each other as a token usually is to its nearest one."),
    ]


def shared(pairs: list[Row]) -> Table:
    columns: Columns = [
        (Column("prompts", align="left"), lambda pair: Text(f"{pair['first']}, {pair['second']}")),
        (Column("same nearest tokens"), lambda pair: Count(len(pair["words"]))),
        (Column("begun with", "How many of these both prompts began with."), lambda pair: Count(pair["begun_with"])),
        (
            Column("which", align="left", wrap=True),
            lambda pair: Code("  ".join(pair["words"])) if pair["words"] else EMPTY,
        ),
        (
            Column("cosine", "The highest cosine of a vector to one of the other prompt, mean over vectors."),
            lambda pair: Number(pair["cosine"], 2),
        ),
        (Column("of random vectors", "The same of as many random vectors."), lambda pair: Number(pair["random"], 2)),
    ]
    return build_table("What two seeds share", columns, pairs, show_name=True)
