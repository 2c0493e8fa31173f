"""The pipeline's models as lm-eval asks them: likelihoods of continuations, and texts, with soft prompts and adapters.

lm-eval's own wrapper of transformers models pads a batch around a soft prompt on the wrong side, takes lengths of
generation from the checkpoint before the task's, counts the input and output of an encoder-decoder together and asks
the hub which commit a model is of. Token by token it reads what this one reads: tests/benchmarking compares them.
"""

from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM

from pipeline.core.errors import InputError
from pipeline.core.progress import progress
from pipeline.inference.batching import longest_first, run_in_batches
from pipeline.inference.decoding import configure_decoding, free_positions, generate_answers
from pipeline.inference.likelihood import continuation_example
from pipeline.models.architectures.base import IGNORED, LanguageModel
from pipeline.models.architectures.seq2seq import Seq2Seq
from pipeline.models.chat import render
from pipeline.parameters.benchmark import Benchmark
from pipeline.parameters.generate import DecodingParams

Encoded = tuple[tuple[str, str], list[int], list[int]]  # (context, continuation), and the ids of each


class HarnessModel(TemplateLM):
    """A model of the pipeline behind lm-eval's interface.

    name: of the run, in its progress. Generation is greedy. A prompt that is too long loses its beginning, as in
    lm-eval.
    """

    def __init__(self, model: LanguageModel, params: Benchmark, name: str) -> None:
        super().__init__()
        self.model, self.params, self.name = model, params, name
        self.tokenizer = model.tokenizer
        self.backend = "seq2seq" if model.reads_end_of_prompt else "causal"

    @property
    def eot_token_id(self) -> int:
        return self.tokenizer.eos_token_id

    @property
    def prefix_token_id(self) -> int:
        """What stands for an empty context."""
        start = self.tokenizer.bos_token_id
        return self.eot_token_id if start is None else start

    @property
    def tokenizer_name(self) -> str:
        return self.name

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The turns in the model's chat format. Without a generation prompt the last turn begins the answer."""
        assert self.model.chat is not None
        if add_generation_prompt:
            return render(self.tokenizer, chat_history, self.model.chat)
        *before, begun = chat_history
        return render(self.tokenizer, before, self.model.chat) + begun["content"]

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """The ids of a text; a chat's text has its control tokens already."""
        special = not self.model.chat if add_special_tokens is None else add_special_tokens
        return self.tokenizer(string, add_special_tokens=special)["input_ids"]

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """As in lm-eval; progress is that of the reading."""
        return super().loglikelihood(requests, disable_tqdm=True)

    def _loglikelihood_tokens(self, requests: list[Encoded], **_: Any) -> list[tuple[float, bool]]:
        examples = [
            continuation_example(self._fitting(context, len(continuation)), continuation, self.model)
            for _, context, continuation in requests
        ]

        def process(numbers: list[int]) -> list[tuple[float, bool]]:
            batch = self.model.collate([examples[number] for number in numbers]).to(self.model.device)
            return label_scores(self.model, batch)

        order = longest_first([len(one["input_ids"]) for one in examples])
        return self._in_order(run_in_batches(order, self.params.batch_size, process), len(examples), "read")

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Refused: it has no score of an item between 0 and 1."""
        raise InputError("benchmark: a task asks how likely whole texts are, which is no share of items: leave it out")

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """The greedy answer to each prompt, up to the first of the task's stop texts."""
        settings = [request.args[1] for request in requests]
        if any(one.get("do_sample") and one.get("temperature", 1.0) > 0 for one in settings):
            raise InputError("benchmark: a task draws its answers at random (do_sample), and these are greedy")
        lengths = [int(one.get("max_gen_toks") or self.params.max_new_tokens) for one in settings]
        texts: dict[int, str] = {}
        for length in sorted(set(lengths)):
            numbers = [number for number, of_request in enumerate(lengths) if of_request == length]
            prompts = [self._fitting(self.tok_encode(requests[number].args[0]), length) for number in numbers]
            params = DecodingParams(max_new_tokens=length, num_beams=1, no_repeat_ngram_size=0, length_penalty=1.0)
            config = configure_decoding(self.model, params)
            answers = generate_answers(self.model, prompts, config, self.params.batch_size, "fp32")
            for position, answer, _ in progress(answers, len(prompts), f"answer {self.name}"):
                text = self.tokenizer.decode(answer.ids, skip_special_tokens=True)
                texts[numbers[position]] = until(text, settings[numbers[position]].get("until") or [])
        return [texts[number] for number in range(len(requests))]

    def _fitting(self, prompt: list[int], new_tokens: int) -> list[int]:
        """The end of a prompt that leaves the model positions for the continuation."""
        limit = free_positions(self.model, new_tokens, "benchmark: new tokens")
        return prompt if limit is None else prompt[-limit:]

    def _in_order(self, results: Any, count: int, label: str) -> list[Any]:
        found = {number: result for number, result, _ in progress(results, count, f"{label} {self.name}")}
        return [found[number] for number in range(count)]


def label_scores(model: LanguageModel, batch: dict[str, Any]) -> list[tuple[float, bool]]:
    """Of each row of a collated batch, the log-probability of its labels, and whether each is the likeliest token."""
    import torch
    import torch.nn.functional as F

    with torch.inference_mode():
        if isinstance(model, Seq2Seq):
            batch = model.encode_prompts_once(batch)
        logits, labels = model.labelled_logits(batch)
        labels = labels.flatten()
        each = -F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
        wrong = (logits.argmax(dim=-1) != labels) & (labels != IGNORED)
        rows = model.row_of_position(batch["labels"])
        zeros = torch.zeros(len(batch["labels"]), device=each.device)
        sums, misses = zeros.index_add(0, rows, each), zeros.index_add(0, rows, wrong.float())
    return [(float(total), missed == 0) for total, missed in zip(sums.tolist(), misses.tolist())]


def until(text: str, stops: list[str] | str) -> str:
    """A text up to the first of the stop texts."""
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.split(stop)[0] if stop else text
    return text
