"""How likely a model finds a given text: choices of a question, and the second half of held-out texts."""

from collections.abc import Iterator
from pathlib import Path

from pipeline import families, stage, tables, template
from pipeline.sources import Model
from pipeline.tokenize import token_ids

Example = dict[str, list[int]]


def completion(prompt: list[int], text: str, tokenizer, model: Model) -> Example:
    """A text as the answer to a prompt, end token included, as in training."""
    ids = tokenizer(families.separator(model.arch) * (not model.chat) + text, add_special_tokens=False)["input_ids"]
    return families.example(prompt, ids, tokenizer.eos_token_id, model.arch)


def reading(row: dict[str, str], tokenizer, model: Model, limit: int) -> Example:
    """A held-out text as it is read: after its prompt, or its second half after its first."""
    if "prompt" not in row:
        return halves(row["text"], tokenizer, model, limit)
    chat = tokenizer if model.chat else None
    prompt = template.assemble([], row["prompt"], chat)
    return completion(token_ids(prompt, tokenizer, model)["input_ids"], row["text"], tokenizer, model)


def halves(text: str, tokenizer, model: Model, limit: int) -> Example:
    """The second half of a text's tokens after its first half, the task T5 was adapted to as a language model.

    Raffel et al. (2020) and Lester et al. (2021). The same half is predicted from the same tokens by either family.
    """
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"][:limit]
    if len(ids) < 2:
        raise stage.Refused(f"retain.text: {text!r} is one token and has no second half")
    middle = len(ids) // 2
    row = families.example(ids[:middle], ids[middle:], tokenizer.eos_token_id, model.arch)
    without_end = {name: ids[:-1] for name, ids in row.items()}  # a text cut anywhere does not end
    return row | without_end if model.arch == "causal" else row | {"labels": without_end["labels"]}


def measured(
    network, tokenizer, examples: list[Example], batch_size: int, arch: str
) -> Iterator[tuple[int, float, int]]:
    """(number, log-probability of its labels, how many labels) for each example, longest first."""
    import torch

    device = next(network.parameters()).device
    collate = families.collator(tokenizer, network, arch)
    order = sorted(range(len(examples)), key=lambda number: (-len(examples[number]["input_ids"]), number))
    for start in range(0, len(order), batch_size):
        chunk = order[start : start + batch_size]
        batch = {name: tensor.to(device) for name, tensor in collate([examples[number] for number in chunk]).items()}
        with torch.inference_mode():
            sums, counts = families.log_likelihoods(network, batch, arch)
        yield from zip(chunk, sums.tolist(), counts.tolist())


def read_texts(path: Path) -> list[dict[str, str]]:
    """The `text`, and `prompt` if there is one, of JSON Lines, CSV or Parquet, or the paragraphs of a .txt file.

    Refused names a row without a text, and a file without any.
    """
    if path.suffix.lower() == ".txt":
        texts = [" ".join(paragraph.split()) for paragraph in tables.decoded(path).split("\n\n")]
        texts = [{"text": text} for text in texts if text]
    else:
        texts = []
        for where, row in tables.rows(path):
            row = {field: row.get(field) for field in ("text", "prompt") if field == "text" or field in row}
            for field, value in row.items():
                if not isinstance(value, str) or not value.strip():
                    raise stage.Refused(f"{where}: {field!r}: expected a text, found {value!r}")
            texts.append({field: value.strip() for field, value in row.items()})
    if not texts:
        raise stage.Refused(f"{path}: no texts")
    return texts
