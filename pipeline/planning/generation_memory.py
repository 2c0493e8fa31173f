"""The memory of generation: the prompts of one batch are read, and one more token is written after all others."""

from dataclasses import dataclass
from typing import Any

import torch

from pipeline.parameters.generate import Generate
from pipeline.planning.allocations import Allocations
from pipeline.planning.fake_model import KnownAnswers, describe_model, explained, fake_tensors, materialize
from pipeline.planning.shapes import BatchShape

SCORES = 4  # tables of scores in fp32, rows x vocabulary, that a step of transformers' search holds at once


@dataclass(frozen=True)
class GenerationMemory:
    """Bytes at the peak. cache: keys and values of a whole batch, beams included."""

    weights: int
    cache: int
    temporary: int

    @property
    def peak(self) -> int:
        return self.weights + self.cache + self.temporary


def generation_memory(
    config: Any, architecture: str, generate: Generate, shape: BatchShape, device: str
) -> GenerationMemory:
    """What generation would hold with the base; shape.target: new tokens. Raises InputError as `training_memory`."""
    with explained("plan of generation"), torch.no_grad():
        model = describe_model(config, architecture, "sdpa")
        allocations = Allocations()
        mixed = torch.autocast(device, torch.bfloat16, enabled=generate.precision == "bf16")
        with fake_tensors(), KnownAnswers(), allocations, mixed:
            materialize(model.network, device)
            network = model.network.eval()
            weights = allocations.held.total()
            with allocations.counted_as("temporary"):
                step = prompts_read(network, config, generate.num_beams, shape, device, allocations)
                cache = allocations.held.total() - weights
                allocations.reset()
                network(**step, use_cache=True)
            vocabulary = config.get_text_config().vocab_size
            scores = SCORES * 4 * shape.rows * generate.num_beams * vocabulary
            temporary = allocations.peak.total() - weights - cache + scores
    return GenerationMemory(weights, cache, temporary)


def prompts_read(
    network: Any, config: Any, beams: int, shape: BatchShape, device: str, allocations: Allocations
) -> dict[str, Any]:
    """The inputs of the last step: the cache is as long as the prompt and all new tokens."""

    def ids(rows: int, tokens: int) -> Any:
        return torch.zeros((rows, tokens), dtype=torch.long, device=device)

    rows = shape.rows * beams
    if not config.is_encoder_decoder:
        out = network(input_ids=ids(rows, shape.source + shape.target - 1), use_cache=True, logits_to_keep=1)
        return {"input_ids": ids(rows, 1), "past_key_values": out.past_key_values}
    encoded = network.get_encoder()(input_ids=ids(shape.rows, shape.source))
    encoded.last_hidden_state = encoded.last_hidden_state.repeat_interleave(beams, dim=0)
    mask = ids(rows, shape.source)
    out = network(
        encoder_outputs=encoded,
        attention_mask=mask,
        decoder_input_ids=ids(rows, max(1, shape.target - 1)),
        use_cache=True,
    )
    return {
        "encoder_outputs": encoded,
        "attention_mask": mask,
        "decoder_input_ids": ids(rows, 1),
        "past_key_values": out.past_key_values,
    }
