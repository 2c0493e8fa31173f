"""A model folder in CTranslate2's own format, and what it answers with.

Klein et al. (2020), The OpenNMT Neural Machine Translation Toolkit; https://opennmt.net/CTranslate2.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.messages import first_line
from pipeline.core.progress import progress
from pipeline.inference.batching import longest_first
from pipeline.inference.decoding import cut_at_end
from pipeline.inference.predictor import prompt_of
from pipeline.inference.settings import AnswerSettings
from pipeline.inference.tuned_prompts import worked_examples
from pipeline.models import architectures
from pipeline.models.chat import chat_settings
from pipeline.models.prompts import encode_with_examples
from pipeline.models.tokenizer import decode, load_tokenizer, tags

BATCH = 32  # for generate.batch_size=auto
# transformers goes on after as many texts have ended as there are beams, while one might still become better. Of the
# default's 150 summaries by LoRA with 4 beams 106 are the same with 2 and 88 with 1, CTranslate2's default.
PATIENCE = 2


def library() -> Any:
    try:
        import ctranslate2
    except ImportError:
        raise InputError("ctranslate2 is not installed: pip install -c constraints.txt -e '.[export]'") from None
    return ctranslate2


def convert(folder: Path, output: Path, quantization: str) -> None:
    """Convert a plain model folder. Raises InputError for a class of models that CTranslate2 does not know."""
    library()
    from ctranslate2.converters import TransformersConverter

    class Converter(TransformersConverter):
        def load_model(self, *arguments: Any, **options: Any) -> Any:
            """With the keys that CTranslate2 4.8 reads in configurations, and transformers 5 no longer has there."""
            model = super().load_model(*arguments, **options)
            if hasattr(model.config, "scale_decoder_outputs"):  # of T5
                model.config.tie_word_embeddings = model.config.scale_decoder_outputs
            if model.config.model_type == "bart":
                model.config.normalize_before = False
            return model

    try:
        Converter(str(folder)).convert(str(output), quantization=quantization)
    except (ValueError, NotImplementedError, KeyError, AttributeError) as error:
        raise InputError(f"CTranslate2 does not convert this model: {first_line(error)}; use --to hf") from error
    config = files.read_json(output / "config.json")
    # Its converter of T5 writes null for a token that a tokenizer lacks, which its own reader refuses.
    tokens = {key: value or "" for key, value in config.items() if key.endswith("_token")}
    files.write_json(output / "config.json", config | tokens)


class CTranslate2Predictor:
    """positions: how long a prompt can be, as the network that was converted had them; None: no bound."""

    def __init__(self, settings: AnswerSettings, positions: int | None, folder: Path) -> None:
        import torch

        self.task, self.template, self.seed = settings.task, settings.template, settings.seed
        self.limit, self.positions = settings.limits["max_source_tokens"], positions
        size = settings.generate.batch_size
        self.batch_size = size if isinstance(size, int) else BATCH
        chat = chat_settings(settings.model, settings.template)
        self.model = architectures.find(settings.model.architecture)(None, load_tokenizer(folder), chat)
        self.examples = worked_examples(folder)
        self.soft_ids = self.model.tokenizer.convert_tokens_to_ids(list(settings.soft_tokens))
        self.model.control_tokens = (*self.model.control_tokens, *settings.soft_tokens)
        self.config = files.read_json(folder / "generation_config.json")
        self.vocabulary = tokens_by_id(folder)
        self.is_causal = settings.model.architecture == "causal"
        ctranslate2 = library()
        engine = ctranslate2.Generator if self.is_causal else ctranslate2.Translator
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        self.engine = engine(str(folder), device=device, intra_threads=torch.get_num_threads())

    def write(self, records: list[dict[str, Any]], label: str) -> list[str]:
        """An output for each record (id and the fields of the task), in order; `label` names their progress."""
        rows = [prompt_of(one, self.task, self.template, self.seed, self.model) for one in records]
        prompts = [self.encode(row) for row in rows]
        found = dict(progress(self.answers(prompts), len(prompts), label))
        kept = tags(self.model, (row["source"] for row in rows))
        return [decode(found[number], self.model, kept) for number in range(len(rows))]

    def encode(self, row: dict[str, Any]) -> list[int]:
        """The ids of a prompt, with what the method puts before it."""
        ids = encode_with_examples(row, self.examples, self.model, self.limit, self.positions)
        return [*self.soft_ids, *ids]

    def answers(self, prompts: list[list[int]]) -> Iterator[tuple[int, list[int]]]:
        """(number of the prompt, its new token ids) for each prompt, the longest first."""
        order = longest_first([len(prompt) for prompt in prompts])
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            yield from zip(batch, self.answer([prompts[number] for number in batch]))

    def answer(self, prompts: list[list[int]]) -> list[list[int]]:
        """New token ids without the end, for each prompt."""
        tokens = [[self.vocabulary[token] for token in prompt] for prompt in prompts]
        config, ends = self.config, self.config["eos_token_id"]
        ends = ends if isinstance(ends, list) else [ends]
        beams = config.get("num_beams", 1)
        options = {
            "beam_size": beams,
            "patience": PATIENCE if beams > 1 else 1,
            "length_penalty": config.get("length_penalty", 1.0) if beams > 1 else 1.0,
            "no_repeat_ngram_size": config.get("no_repeat_ngram_size", 0),
            "end_token": ends,
            "suppress_sequences": [[self.vocabulary[token]] for token in config.get("suppress_tokens") or []] or None,
        }
        if self.is_causal:
            return [cut_at_end(ids, set(ends)).ids for ids in self.continue_texts(tokens, options)]
        first = config.get("forced_bos_token_id")
        prefix = None if first is None else [[self.vocabulary[first]]] * len(tokens)
        options |= {"max_input_length": 0, "min_decoding_length": 0, "max_decoding_length": config["max_new_tokens"]}
        results = self.engine.translate_batch(tokens, target_prefix=prefix, **options)
        numbers = {token: number for number, token in enumerate(self.vocabulary)}
        return [[numbers[token] for token in result.hypotheses[0]] for result in results]

    def continue_texts(self, tokens: list[list[str]], options: dict[str, Any]) -> list[list[int]]:
        """New ids after each text, which may repeat n-grams of the text, as they may not in transformers.

        With the text among the results they would not, but then it is read token by token.
        """
        options |= {"include_prompt_in_result": False, "min_length": 0, "max_length": self.config["max_new_tokens"]}
        return [result.sequences_ids[0] for result in self.engine.generate_batch(tokens, **options)]


def tokens_by_id(folder: Path) -> list[str]:
    """The vocabulary that CTranslate2 was given, in the order of the ids."""
    path = next(
        (path for path in (folder / "shared_vocabulary.json", folder / "vocabulary.json") if path.exists()), None
    )
    found: Any = files.read_json(path or folder / "shared_vocabulary.json", list[str])
    return found
