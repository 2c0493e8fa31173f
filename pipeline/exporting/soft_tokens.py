"""A soft prompt as rows of the vocabulary: the same vectors, under tokens of their own."""

from typing import Any

from pipeline.core.errors import InputError
from pipeline.inference.predictor import add_soft_tokens
from pipeline.models.architectures.base import Example, LanguageModel
from pipeline.models.virtual_tokens import embedding_scale, virtual_tokens

NAME = "<soft_{}>"


def into_vocabulary(model: LanguageModel) -> tuple[str, ...]:
    """Put PEFT's soft prompt into the vocabulary of its base, which becomes the model's network; returns the tokens.

    An output layer that is tied to the embeddings could write the new tokens: they are suppressed.
    """
    import torch

    network, base = model.network, model.base_network
    vectors = soft_vectors(network)
    tokens = tuple(NAME.format(number) for number in range(len(vectors)))
    ids = add_tokens(model.tokenizer, tokens)
    scale = embedding_scale(base)  # of a network that scales what it looks up, and not what it is given
    rows = base.get_input_embeddings().weight.shape[0]
    base.resize_token_embeddings(max(ids[-1] + 1, rows), mean_resizing=False)
    with torch.no_grad():
        base.get_input_embeddings().weight[ids] = vectors / scale
    model.network = base
    add_soft_tokens(model, tokens)
    return tokens


def soft_vectors(network: Any) -> Any:
    """(tokens, width): what PEFT puts before the embedded text. Raises InputError where some go to the decoder."""
    import torch

    if network.peft_config["default"].num_transformer_submodules != 1:
        raise InputError("a soft prompt of the decoder cannot be put into a vocabulary; use --to adapter")
    with torch.no_grad():
        return network.get_prompt(1)[0, : virtual_tokens(network)].detach().clone()


def add_tokens(tokenizer: Any, tokens: tuple[str, ...]) -> list[int]:
    """The ids of new tokens. Raises InputError where the vocabulary has one of them already."""
    from transformers import AddedToken

    vocabulary = tokenizer.get_vocab()
    if known := [token for token in tokens if token in vocabulary]:
        raise InputError(f"the vocabulary has a token {known[0]} already")
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in tokens], special_tokens=True)
    return tokenizer.convert_tokens_to_ids(list(tokens))


def expect_none(model: LanguageModel, tokens: tuple[str, ...], examples: list[Example]) -> None:
    """Make soft tokens next to impossible in the output, by rows of their own in the output layer.

    To suppress a token leaves its share of the probability with nobody. One text is written alike, but beams compare
    texts that lost other shares: of 150 texts with 4 beams none was the same. So the output layer gets for each the row
    of the token that is least likely after these examples at its likeliest.
    """
    import torch

    network, ids = model.network, model.tokenizer.convert_tokens_to_ids(list(tokens))
    separate_head(network)
    head = network.get_output_embeddings()
    with torch.no_grad():
        logits, _ = model.labelled_logits(model.collate(examples).to(model.device))
        logits[:, ids] = -torch.inf
        likeliest = logits.log_softmax(dim=-1).amax(dim=0)
        likeliest[ids] = torch.inf
        least = likeliest.argmin()
        for values in (head.weight, getattr(head, "bias", None)):
            if values is not None:
                values[ids] = values[least].clone()
        if (bias := getattr(network, "final_logits_bias", None)) is not None:  # BART's
            bias[..., ids] = bias[..., least, None]


def separate_head(network: Any) -> None:
    """Give the output layer weights of its own where it has those of the embeddings."""
    import torch

    head = network.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone())
    network.config.tie_word_embeddings = False
    (name,) = [name for name, value in network.named_parameters() if value is head.weight]
    network.all_tied_weights_keys.pop(name, None)
