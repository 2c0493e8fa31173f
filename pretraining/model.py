"""The base's architecture: T5 v1.1, as FLAN-T5 has it, in miniature."""

import torch
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration


def build(tokenizer: PreTrainedTokenizerFast, shape: dict[str, int], seed: int) -> T5ForConditionalGeneration:
    """A model with random weights; shape holds d_model, d_kv, num_heads, d_ff, num_layers and num_decoder_layers."""
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=len(tokenizer),
        feed_forward_proj="gated-gelu_pytorch_tanh",
        dropout_rate=0.0,  # every example is new: there is nothing to overfit
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        **shape,
    )
    model = T5ForConditionalGeneration(config)
    point_heads(model)
    mirror_attention(model)
    return model


@torch.no_grad()
def point_heads(model: T5ForConditionalGeneration, strength: float = 4.0) -> None:
    """Start some heads looking at the piece before, the piece after and the piece itself.

    Copying needs heads that look one piece aside; relative biases grow to that only over thousands of steps. The
    numbers are T5's buckets: 1 is one back, 17 one ahead (encoder), 0 the piece itself.
    """
    for stack, buckets in ((model.encoder, (1, 17, 0)), (model.decoder, (1, 0))):
        bias = stack.block[0].layer[0].SelfAttention.relative_attention_bias.weight
        for head, bucket in enumerate(buckets):
            bias[bucket, head] += strength


@torch.no_grad()
def mirror_attention(model: T5ForConditionalGeneration) -> None:
    """Start the attention as a look-up of like by like that passes on what it finds.

    Output weights are the transpose of orthogonal value weights; in cross-attention queries are made as keys are.
    After Trockman and Kolter (2023), Mimetic Initialization of Self-Attention Layers.
    """
    for name, module in model.named_modules():
        if name.endswith("SelfAttention") or name.endswith("EncDecAttention"):
            torch.nn.init.orthogonal_(module.v.weight)
            module.o.weight.copy_(module.v.weight.T)
        if name.endswith("EncDecAttention"):
            torch.nn.init.orthogonal_(module.k.weight)
            module.q.weight.copy_(module.k.weight * 1.5 / module.key_value_proj_dim**0.5)
        if name.endswith("SelfAttention"):
            module.o.weight.mul_(0.5)
