"""One batch for rows of different methods: an adapter's name for each row, soft tokens before some of the texts."""

from dataclasses import dataclass
from typing import Any

from pipeline.inference.batching import run_in_batches
from pipeline.inference.decoding import Answer, cut_at_end
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.architectures.causal import naming_embeddings
from pipeline.models.architectures.seq2seq import Seq2Seq
from pipeline.serving.shared_base import SharedBase, Trained


@dataclass(frozen=True)
class Row:
    """A prompt's token ids, and what its method trained."""

    ids: list[int]
    trained: Trained


def can_share(first: Trained, second: Trained, architecture: str, no_repeat_ngram_size: int) -> bool:
    """Whether rows of both can be in one batch and say what they say alone.

    A causal model given vectors knows no tokens of its prompt, so that it repeats n-grams of it that it may not repeat
    otherwise: there soft prompts need batches of their own.
    """
    if first.network is not second.network:
        return False
    alike = (first.soft is None) == (second.soft is None)
    return alike or architecture != "causal" or no_repeat_ngram_size == 0


def write(
    base: SharedBase, rows: list[Row], config: Any, precision: str, listeners: dict[str, Any] | None = None
) -> list[Answer]:
    """The answers of rows that can share a batch, in order.

    config: transformers' GenerationConfig. precision: as in `generate`. listeners: `streamer` and `stopping_criteria`
    of transformers' generate. A batch that does not fit in memory is halved, and is then not streamed.
    """
    import torch

    ends = set(config.eos_token_id)

    def process(numbers: list[int]) -> list[Answer]:
        chosen = [rows[number] for number in numbers]
        model = base.writer({row.trained.adapter for row in chosen}, rows[0].trained.network)
        model.tokenizer.padding_side = model.prompt_padding_side
        model.network.generation_config = model.base_network.generation_config = config
        heard = listeners if listeners and len(chosen) == len(rows) else {}
        autocast = torch.autocast(model.device.type, torch.bfloat16, enabled=precision == "bf16")
        with torch.inference_mode(), autocast:
            batch = {**tensors(base, chosen, model), **adapters(chosen, config), **heard}
            found = generate(model, batch, config).tolist()
        return [cut_at_end(ids, ends) for ids in found]

    results = {number: answer for number, answer, _ in run_in_batches(list(range(len(rows))), len(rows), process)}
    return [results[number] for number in range(len(rows))]


def tensors(base: SharedBase, rows: list[Row], model: LanguageModel) -> dict[str, Any]:
    """Padded ids and their mask; where a row has soft tokens, padded vectors and their mask."""
    import torch

    if all(row.trained.soft is None for row in rows):
        padded = model.tokenizer.pad({"input_ids": [row.ids for row in rows]}, return_tensors="pt")
        return dict(padded.to(model.device))
    parts = [row_embeddings(base, row) for row in rows]
    longest, width = max(map(len, parts)), parts[0].shape[1]
    vectors = torch.zeros(len(rows), longest, width, device=model.device, dtype=parts[0].dtype)
    mask = torch.zeros(len(rows), longest, dtype=torch.long, device=model.device)
    for number, part in enumerate(parts):
        filled = slice(longest - len(part), None) if model.prompt_padding_side == "left" else slice(len(part))
        vectors[number, filled], mask[number, filled] = part, 1
    return {"inputs_embeds": vectors, "attention_mask": mask}


def row_embeddings(base: SharedBase, row: Row) -> Any:
    """(tokens, width): the soft tokens, if any, then the text."""
    import torch

    text = base.text_embeddings(torch.tensor([row.ids], device=base.model.device))[0]
    return text if row.trained.soft is None else torch.cat([row.trained.soft.to(text.dtype), text])


def adapters(rows: list[Row], config: Any) -> dict[str, Any]:
    """What PEFT's `generate` is told of rows that have different adapters."""
    names = [row.trained.adapter for row in rows]
    return {"adapter_names": names, "num_beams": config.num_beams} if len(set(names)) > 1 else {}


def generate(model: LanguageModel, batch: dict[str, Any], config: Any) -> Any:
    """New token ids of a batch of ids or of vectors, (rows, new tokens)."""
    if "input_ids" in batch or isinstance(model, Seq2Seq):
        return model.generate(batch, config)
    with naming_embeddings(model.base_network):  # after vectors a causal network returns new tokens alone
        return model.network.generate(**batch, generation_config=config)
