"""What the soft prompt of a run says: the tokens that are nearest to its vectors, and whether these do what it does.

    python -m pipeline.soft_prompt RUN

The losses are those of validation examples: with the prompt, with every vector replaced by its nearest token, with the
tokens it began as, without a prompt, and with each vector in turn replaced by zero.
"""

from typing import Any

import numpy as np

from pipeline import methods
from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import read_section
from pipeline.core.paths import Paths
from pipeline.core.progress import progress
from pipeline.core.runs import parse_run
from pipeline.core.token_files import TokenFile
from pipeline.evaluation import nearest_tokens
from pipeline.evaluation.nearest_tokens import Nearness, Vocabulary, nearest
from pipeline.inference import soft_prompts
from pipeline.inference.tuned_prompts import load_on_device
from pipeline.models.architectures.base import Example, LanguageModel
from pipeline.models.devices import environment
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.models.virtual_tokens import soft_tokens
from pipeline.models.vocabulary import TokenNames
from pipeline.parameters.model import Model
from pipeline.parameters.soft_prompt import SoftPrompt


def run(name: str, paths: Paths, *, model: Model, soft_prompt: SoftPrompt) -> None:
    monitor = ResourceMonitor()
    with monitor.phase("load"):
        tuned = load_on_device(paths.base_model, paths.tuned_model(name), model.architecture, None, merge=False)
    if not soft_tokens(tuned.network):
        raise InputError(f"{name}: no soft prompt, so there are no vectors to read")
    vectors = soft_prompts.prompt_vectors(tuned)
    if not np.isfinite(vectors).all():
        raise InputError(f"{name}: vectors of its soft prompt are not finite: lower its learning rate")
    examples = TokenFile(paths.tokens("validation"))[: soft_prompt.examples]
    with monitor.phase("search"):
        names = TokenNames(tuned.tokenizer)
        vocabulary = read_vocabulary(tuned, names)
        usual = nearest_tokens.usual_nearness(vocabulary)
        near, _ = nearest(vectors, vocabulary, 1)
        began = initial_tokens(name, tuned)
    with monitor.phase("losses"):
        prompts = {"trained": vectors, "snapped": vocabulary.rows(near[:, 0])}
        if began is not None:
            prompts["initial"] = vocabulary.rows(began)
        losses = {
            kind: soft_prompts.nats_with(tuned, prompt, examples, soft_prompt.batch_size, f"read {name}, {kind}")
            for kind, prompt in prompts.items()
        }
        losses["none"] = soft_prompts.nats_without(tuned, examples, soft_prompt.batch_size, f"read {name}, none")
        listed = evenly_spread(len(vectors), soft_prompt.listed)
        importances = neutralize(name, tuned, vectors, listed, examples[: soft_prompt.neutralize_examples], soft_prompt)
    found = describe(vectors, listed, names, vocabulary, usual, began, soft_prompt.nearest)
    for row, importance in zip(found, importances):
        row["importance"] = rounded(importance)
    record = {
        "run": name,
        "virtual_tokens": len(vectors),
        "vocabulary": {
            "tokens": len(vocabulary.ordinary),
            "norm": quantiles(usual.norms),
            "cosine": quantiles(usual.cosines),
            "random": quantiles(usual.random),
        },
        "labels": [count for _, count in losses["trained"]],
        "nats": {kind: [round(nats, 4) for nats, _ in each] for kind, each in losses.items()},
        "neutralized_examples": min(len(examples), soft_prompt.neutralize_examples),
        **monitor.report(),
        **environment(),
    }
    files.write_parquet(paths.soft_prompt_tokens(name), found)
    files.write_json(paths.soft_prompt_run(name), record)
    loss = {kind: sum(nats for nats, _ in each) / sum(count for _, count in each) for kind, each in losses.items()}
    print(f"{name}: loss of {len(examples)} examples: {', '.join(f'{kind} {one:.3f}' for kind, one in loss.items())}")


def read_vocabulary(model: LanguageModel, names: TokenNames) -> Vocabulary:
    """Every row of the embeddings, those that are no token of the tokenizer too."""
    ordinary = np.array([names.is_ordinary(token) for token in range(soft_prompts.embedding_count(model))])
    return Vocabulary(lambda ids: soft_prompts.embeddings_of(model, ids), ordinary)


def initial_tokens(name: str, model: LanguageModel) -> np.ndarray | None:
    """The tokens as which the prompt of a run began; None of a method whose prompt begins as no tokens.

    Drawn again from the seed, as `adapt` drew them.
    """
    method, seed = parse_run(name)
    module = methods.find(method)
    if not hasattr(module, "initial_tokens") or seed is None:
        return None
    params = read_section(method, module.Params)
    return np.array(module.initial_tokens(model.tokenizer, params, soft_prompts.embedding_count(model), seed))


def evenly_spread(count: int, most: int) -> np.ndarray:
    """The numbers of at most `most` of `count` vectors, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def neutralize(
    name: str,
    model: LanguageModel,
    vectors: np.ndarray,
    listed: np.ndarray,
    examples: list[Example],
    params: SoftPrompt,
) -> list[float]:
    """How much the loss rises, in nats per token, where each of the listed vectors in turn is zero.

    As in Ma et al. (2022), XPrompt: Exploring the Extreme of Prompt Tuning. Its place stays, so the others keep theirs.
    """

    def loss(prompt: np.ndarray, label: str) -> float:
        each = soft_prompts.nats_with(model, prompt, examples, params.batch_size, label)
        return sum(nats for nats, _ in each) / sum(count for _, count in each)

    whole, risen = loss(vectors, f"read {name}"), []
    for number in progress(listed, len(listed), f"neutralize {name}"):
        without = vectors.copy()
        without[number] = 0
        risen.append(loss(without, f"neutralize {name}, token {number + 1} of {len(vectors)}") - whole)
    return risen


def describe(
    vectors: np.ndarray,
    listed: np.ndarray,
    names: TokenNames,
    vocabulary: Vocabulary,
    usual: Nearness,
    began: np.ndarray | None,
    count: int,
) -> list[dict[str, Any]]:
    """What is said of each listed vector but its importance: shapes.VirtualToken."""
    chosen = vectors[listed]
    ids, cosines = nearest(chosen, vocabulary, count)
    (by_l2, distances), (by_dot, _) = (
        nearest(chosen, vocabulary, 1, measure) for measure in (nearest_tokens.minus_l2, nearest_tokens.dot)
    )
    start = None if began is None else vocabulary.rows(began[listed]).astype(np.float64)
    cluster = nearest_tokens.clusters(chosen, float(np.median(usual.cosines)))

    def word(token: int) -> str:
        return names.name(int(token))

    return [
        {
            "token": int(number) + 1,
            "words": [word(token) for token in ids[row]],
            "cosines": [rounded(value) for value in cosines[row]],
            "by_l2": word(by_l2[row, 0]),
            "l2": rounded(-distances[row, 0]),
            "by_dot": word(by_dot[row, 0]),
            "norm": rounded(np.linalg.norm(chosen[row])),
            "nearer_than": rounded(np.mean(usual.cosines < cosines[row, 0])),
            "initial": None if began is None else word(began[number]),
            "drift": None if start is None else rounded(nearest_tokens.cosine(chosen[[row]], start[[row]])[0, 0]),
            "moved": None if start is None else rounded(np.linalg.norm(chosen[row] - start[row])),
            "cluster": int(cluster[row]),
            "vector": chosen[row].tolist(),
        }
        for row, number in enumerate(listed)
    ]


def quantiles(values: np.ndarray) -> dict[str, float]:
    """The median, and what 5 % are below and 5 % above."""
    low, median, high = np.quantile(values, [0.05, 0.5, 0.95])
    return {"low": rounded(low), "median": rounded(median), "high": rounded(high)}


def rounded(value: Any) -> float:
    return round(float(value), 4)


if __name__ == "__main__":
    run_stage(run)
