"""The vectors of a soft prompt, the embeddings beside which it stands, and losses with other vectors in its place."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.inference.likelihood import label_log_likelihoods
from pipeline.models.architectures.base import Example, LanguageModel


def prompt_vectors(model: LanguageModel) -> np.ndarray:
    """(virtual tokens, width): what the network reads before a text, whatever made it."""
    import torch

    with torch.inference_mode():
        return model.network.get_prompt(1)[0].float().cpu().numpy()


def embedding_count(model: LanguageModel) -> int:
    """Rows of the embeddings, which may be more than the tokenizer has tokens."""
    return model.base_network.get_input_embeddings().weight.shape[0]


def embeddings_of(model: LanguageModel, ids: np.ndarray) -> np.ndarray:
    """(ids, width): tokens as the network reads them beside the soft prompt, scaled where it scales them."""
    import torch

    with torch.inference_mode():
        return model.network.word_embeddings(torch.tensor(ids, device=model.device)).float().cpu().numpy()


@contextlib.contextmanager
def reading(network: Any, vectors: np.ndarray) -> Iterator[None]:
    """Let PEFT's network read these vectors, (virtual tokens, width), in place of its own."""
    import torch

    prompt = torch.tensor(vectors, dtype=torch.float32, device=next(network.parameters()).device)
    network.get_prompt = lambda batch_size, *_, **__: prompt.expand(batch_size, -1, -1)
    try:
        yield
    finally:
        del network.get_prompt  # the class's own again


def nats_with(
    model: LanguageModel, vectors: np.ndarray, examples: list[Example], batch_size: int, label: str
) -> list[tuple[float, int]]:
    """(nats, labels) of each example, read after these vectors; `label` names the progress."""
    with reading(model.network, vectors):
        return nats_of(model, examples, batch_size, label)


def nats_without(model: LanguageModel, examples: list[Example], batch_size: int, label: str) -> list[tuple[float, int]]:
    """The same with no prompt at all: of the base, which a soft prompt leaves as it is."""
    base = type(model)(model.base_network, model.tokenizer, model.chat)
    return nats_of(base, examples, batch_size, label)


def nats_of(model: LanguageModel, examples: list[Example], batch_size: int, label: str) -> list[tuple[float, int]]:
    return [(-total, count) for total, count in label_log_likelihoods(model, examples, batch_size, label)]
