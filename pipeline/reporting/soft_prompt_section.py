"""What the soft prompts say: a sentence and losses for each run, and the tokens that are nearest to its vectors."""

from typing import Any

from pipeline.core.messages import join_names
from pipeline.evaluation.soft_prompts import clusters_of
from pipeline.reporting import soft_prompt_tables as tables
from pipeline.reporting.page import Block, Fold, Section, Strong, Table, Warnings, counted, note, prose, section

Row = dict[str, Any]
SHOWN = 20  # rows of a table that is not folded


def soft_prompt_section(found: Row) -> Section:
    """found: `soft_prompts` of the comparison."""
    runs = found["runs"]
    like_random = [like_random_words(name, run) for name, run in runs.items() if run["like_random"]]
    first, *others = [tables.tokens(name, run, found) for name, run in runs.items()]
    blocks: list[Block | None] = [
        *(prose(Strong(name), f": {run['sentence']}") for name, run in runs.items()),
        Warnings(tuple(like_random)) if like_random else None,
        tables.losses(runs),
        note(
            f"Cross entropy of {counted(found['examples'], 'validation example')}; intervals are over these examples. "
            "That a prompt can do one thing while its nearest tokens say another is its waywardness (Khashabi et al., "
            "2022)."
        ),
        tables.vectors(found),
        note(
            "The cosine to the nearest token, a median, says something only beside the other two: how near the tokens "
            "of the vocabulary are to each other, and how near any direction is to some token."
        ),
        first if len(first.rows) <= SHOWN else folded(first),
        *map(folded, others),
        note(explained(found)),
        *clusters(runs),
        tables.shared(found["shared"]) if found["shared"] else None,
    ]
    return section("What the soft prompt says", *blocks)


def like_random_words(name: str, run: Row) -> str:
    count = len(run["tokens"])
    return (
        f"{name}: its vectors are no nearer to tokens than random directions are ({run['beyond_random']} of {count} "
        "are nearer than 95 % of these, which chance gives too). Its nearest tokens are chance."
    )


def folded(table: Table) -> Fold:
    return Fold(table.name, (Table(table.name, table.columns, table.rows),))


def explained(found: Row) -> str:
    """On how many examples importance was measured, and which vectors are not in the tables."""
    part = [
        f"Of {name}, {len(run['tokens'])} of {run['virtual_tokens']} vectors are listed, evenly spread."
        for name, run in found["runs"].items()
        if len(run["tokens"]) < run["virtual_tokens"]
    ]
    examples = counted(found["neutralized_examples"], "example")
    return " ".join([f"Importance on {examples}. Tokens that no text has are (special) or (unused).", *part])


def clusters(runs: dict[str, Row]) -> list[Block]:
    """The clusters that have several vectors, with their words, and the runs that have none."""
    found = {name: list(clusters_of(run["tokens"]).values()) for name, run in runs.items()}
    blocks: list[Block] = [tables.clusters(name, each) for name, each in found.items() if each]
    near = "as near to each other as a token usually is to its nearest one (average linkage over cosines)"
    if blocks:
        blocks.append(note(f"Vectors of a cluster are {near}."))
    if without := [name for name, each in found.items() if not each]:
        blocks.append(note(f"No clusters in {join_names(without)}: no two vectors are {near}."))
    return blocks
