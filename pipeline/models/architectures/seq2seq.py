"""Encoder-decoder models: T5, BART and their like. A prompt is all input, a completion all labels."""

import inspect
from functools import cached_property
from typing import Any

from pipeline.models import tokenizer as tokens
from pipeline.models.architectures.base import IGNORED, Example, LanguageModel
from pipeline.models.positions import decoder_positions, encoder_positions


class Seq2Seq(LanguageModel):
    task_type = "SEQ_2_SEQ_LM"
    auto_class = "AutoModelForSeq2SeqLM"
    separator = ""
    prompt_padding_side = "right"
    reads_end_of_prompt = True
    allows_fp16 = False  # T5 overflows in it (transformers #23135)

    @classmethod
    def matches(cls, config: Any) -> bool:
        return bool(config.is_encoder_decoder)

    @cached_property
    def completion_frame(self) -> tuple[list[int], list[int]]:
        """As in the interface: what the tokenizer puts around a target, such as BART's start or NLLB's language."""
        before, after = tokens.frame(self.tokenizer, "text_target")
        return before, after or [self.tokenizer.eos_token_id]

    @cached_property
    def start_token(self) -> int:
        """What the decoder reads before the first token.

        Where the configuration names none (mBART), it is what the network makes of the labels: their last one.
        """
        import torch

        network, tokenizer = self.base_network, self.tokenizer
        for config in (network.config, network.generation_config):
            if (start := getattr(config, "decoder_start_token_id", None)) is not None:
                return start
        try:
            end = self.completion_frame[1][-1]
            return network.prepare_decoder_input_ids_from_labels(torch.tensor([[end, end]]))[0, 0].item()
        except (AttributeError, TypeError, ValueError):
            found = (tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id)
            return next(token for token in found if token is not None)

    @cached_property
    def hides_start(self) -> bool:
        """Whether the network takes the start token for padding, unless it is told otherwise; found by trying.

        T5Gemma does where both are the same token, but not when it writes.
        """
        import torch

        network, ids = self.base_network, torch.tensor([[self.start_token, 3]], device=self.device)
        known = inspect.signature(network.forward).parameters
        if self.start_token != self.tokenizer.pad_token_id or "decoder_attention_mask" not in known:
            return False
        inputs = {"input_ids": torch.arange(3, 11, device=self.device)[None], "decoder_input_ids": ids}
        training = network.training
        network.eval()
        with torch.no_grad():
            told = network(**inputs, decoder_attention_mask=torch.ones_like(ids), use_cache=False).logits
            untold = network(**inputs, use_cache=False).logits
        network.train(training)
        return not torch.allclose(told, untold, rtol=1e-4, atol=1e-4)

    def prompt_positions(self, config: Any, new_tokens: int) -> int | None:
        return encoder_positions(config)

    def completion_positions(self, config: Any) -> int | None:
        return decoder_positions(config)

    def encode_example(self, prompt: list[int], completion: list[int], end: int) -> Example:
        return {"input_ids": prompt, "labels": [*completion, end]}

    def count_tokens(self, example: Example) -> int:
        return len(example["input_ids"]) + len(example["labels"])

    def count_batch_tokens(self, batch: dict[str, Any]) -> Any:
        return batch["attention_mask"].sum() + (batch["labels"] != IGNORED).sum()

    def collate(self, examples: list[Example]) -> Any:
        """As in the interface, with decoder_input_ids: the labels, one later, after the start token."""
        import torch.nn.functional as F

        batch = super().collate(examples)
        before = F.pad(batch["labels"][:, :-1], (1, 0), value=self.start_token)
        batch["decoder_input_ids"] = before.masked_fill(before == IGNORED, self.tokenizer.pad_token_id)
        if self.hides_start:
            batch["decoder_attention_mask"] = (before != IGNORED).long()
        return batch

    def labelled_logits(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        return self.network(**inputs, use_cache=False).logits.flatten(0, -2).float(), batch["labels"]

    def log_likelihoods(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        """As in the interface. Rows with the same prompt, as the choices of a question have, share its encoding."""
        return super().log_likelihoods(self.encode_prompts_once(batch))

    def encode_prompts_once(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch with what the encoder makes of its prompts, where prompts repeat."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        ids, mask = batch["input_ids"], batch["attention_mask"]
        distinct, rows = torch.cat([ids, mask], dim=1).unique(dim=0, return_inverse=True)
        if len(distinct) == len(ids):
            return batch
        distinct_ids, distinct_mask = distinct.split(ids.shape[1], dim=1)
        start = batch["decoder_input_ids"][: len(distinct), :1]
        # Through the whole network: only PEFT's forward puts a soft prompt before the text.
        encoded = self.network(
            input_ids=distinct_ids, attention_mask=distinct_mask, decoder_input_ids=start, use_cache=False
        ).encoder_last_hidden_state
        return {**batch, "encoder_outputs": BaseModelOutput(last_hidden_state=encoded[rows])}

    def row_of_position(self, labels: Any) -> Any:
        import torch

        return torch.arange(len(labels), device=labels.device).repeat_interleave(labels.shape[1])

    def generation_tokens(self) -> dict[str, int]:
        """As in the interface: the decoder's start, and a first token that every completion has."""
        before = self.completion_frame[0]
        forced = {"forced_bos_token_id": before[0]} if len(before) == 1 else {}
        return {"decoder_start_token_id": self.start_token, **forced}

    def generate(self, batch: dict[str, Any], config: Any) -> Any:
        """As in the interface. The beams of a prompt share its cross-attention."""
        return self.network.generate(**batch, generation_config=config, past_key_values=beam_cache())[:, 1:]

    def cache_shape(self) -> tuple[int, int, int]:
        import torch

        token = torch.zeros((1, 1), dtype=torch.long, device=self.network.device)
        with torch.no_grad():
            cache = self.network(input_ids=token, decoder_input_ids=token, use_cache=True).past_key_values
        layers = cache.self_attention_cache.layers
        _, heads, _, width = layers[0].keys.shape
        return len(layers), heads, width


def beam_cache() -> Any:
    """An empty cache whose cross-attention is not copied at each step of a beam search.

    transformers copies it at every step, although no step changes it. Without the copies, the same bytes: 150 calls
    with four beams in batches of 16 took 6.5 s instead of 8.6, few-shot prompts in batches of 32 took 11.3 s instead of
    21.5 s.
    """
    from transformers import DynamicCache, EncoderDecoderCache

    class BeamCache(EncoderDecoderCache):
        def reorder_cache(self, beam_idx: Any) -> None:
            self.self_attention_cache.reorder_cache(beam_idx)

    return BeamCache(DynamicCache(), DynamicCache())
