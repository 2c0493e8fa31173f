"""Does an output belong to its input? Asked of the base model, which no method has tuned.

The log-probability per token of an output after its own prompt, minus that after the prompt of another example. An
output that could be of any input has zero. A base knows what it was trained on and no more: of one that cannot read the
inputs the number says nothing.
"""

from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.core.shapes import Prompt
from pipeline.inference.decoding import free_positions
from pipeline.inference.likelihood import continuation_example, label_log_likelihoods
from pipeline.inference.tuned_prompts import encode_prompts
from pipeline.judging.base import Judge, Output
from pipeline.models.architectures.base import Example, LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.devices import to_device
from pipeline.models.limits import generation_settings, read_limits
from pipeline.models.loading import count_parameters, load_model
from pipeline.models.prompts import completion_start, tokenize_completion
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template


class BaseLikelihood(Judge):
    def __init__(self, paths: Paths, model: Model, template: Template, generate: Generate) -> None:
        with files.explain_damage(paths.base_model):
            self.base = load_model(paths.base_model, model.architecture, chat_settings(model, template))
        self.base.network = to_device(self.base.network)
        limits, parameters = read_limits(paths), count_parameters(paths.base_model)
        settings = generation_settings(generate, limits, self.base.base_network.config, parameters)
        positions = free_positions(self.base, settings.max_new_tokens, "generate.max_new_tokens")
        rows = files.read_jsonl(paths.prompts("test"), Prompt)
        self.prompts = encode_prompts(rows, [], self.base, limits["max_source_tokens"], positions)
        self.longest, self.batch_size = settings.max_new_tokens, generate.batch_size

    def judge(self, outputs: list[Output], label: str) -> list[float]:
        """In nats per token; 0 of an empty output. Only the tokens count that fit into generate.max_new_tokens."""
        count = len(self.prompts)
        asked = [number for number, output in enumerate(outputs) if output.text.strip()]
        examples = [
            example(self.prompts[prompt], outputs[number].text, self.base, self.longest)
            for number in asked
            for own in [outputs[number].example]
            for prompt in (own, (own + max(1, count // 2)) % count)
        ]
        found = iter(label_log_likelihoods(self.base, examples, self.batch_size, label))
        values = [0.0] * len(outputs)
        for number in asked:
            (own, tokens), (other, _) = next(found), next(found)
            values[number] = (own - other) / tokens
        return values


def example(prompt: list[int], text: str, model: LanguageModel, longest: int) -> Example:
    """The first tokens of a text as the answer to a prompt."""
    ids = tokenize_completion(completion_start(model) + text, model)[:longest]
    return continuation_example(prompt, ids, model)
