"""Try a base model with every chosen method, on two short dialogues: train a step, save, read again, write, choose.

Whatever fails is refused in one line, before hours are spent. Models above `LARGEST` parameters, and the bundled one,
which the tests run with every method, are tried only where model.probe=always.
"""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import methods
from pipeline.core.errors import InputError
from pipeline.core.machine_errors import explain_machine_error
from pipeline.core.params import parse_section, read_params
from pipeline.inference.decoding import configure_decoding, generate_answers
from pipeline.inference.likelihood import choice_log_likelihoods
from pipeline.models.agreement import check_start, difference, logits_of, same
from pipeline.models.architectures.base import Example, LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.loading import count_parameters, load_model, load_text_encoder
from pipeline.models.prompts import join_turns, tokenize_completion, tokenize_instruction
from pipeline.models.tokenizer import NAMED
from pipeline.models.tuned import load_tuned, save_tuned, trained_parameters
from pipeline.models.virtual_tokens import virtual_tokens
from pipeline.parameters.generate import DecodingParams
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template
from pipeline.training.optimizer import make_optimizer

LARGEST = 500_000_000
BUNDLED = "models/tiny_t5"
INSTRUCTION = "Summarize the following conversation.\n\n{}\n\nSummary:"
DIALOGUES = (
    ("Anna: Is the parcel there?\nBen: It comes on Friday.", "The parcel comes on Friday."),
    (
        "Ben: I'd like to cancel my order.\nAnna: Of course. Which one is it, <3 or >3 items?\nBen: The lamp & shade.",
        "Ben cancels.",
    ),
)


def try_model(base: Path, model: Model) -> None:
    """Raise InputError for the first thing that the model cannot do. `methods` and their values are of params.yaml."""
    parameters = count_parameters(base)
    left_out = parameters > LARGEST or (model.path == BUNDLED and not model.hub and not model.wheel)
    if model.probe == "never" or (model.probe == "auto" and left_out):
        print(f"not tried with the methods: model.probe={model.probe}, {parameters:,} parameters")
        return
    values = read_params()
    template = parse_section(values["template"], Template, "template")
    trial = Trial(base, model, template, values["generate"]["num_beams"])
    trial.attempt("read, encode and write", trial.use_base)
    for name in values["methods"]:
        module = methods.find(name)
        if hasattr(module, "adapt"):
            params = parse_section(values[name], module.Params, name)
            trial.attempt(f"{name}: train, save and read again", trial.use_method, module, params)
        elif hasattr(module, "demonstrations"):
            trial.attempt(f"{name}: read worked examples", trial.use_examples, name)
    print(f"tried with {', '.join(values['methods'])}: trains, saves, reads again, writes and chooses")


class Trial:
    """One base, and what its own logits are."""

    def __init__(self, base: Path, model: Model, template: Template, beams: int) -> None:
        self.base, self.model, self.beams = base, model, beams
        self.chat = chat_settings(model, template)

    def attempt(self, name: str, action: Callable[..., None], *arguments: Any) -> None:
        """Run an action; whatever it raises as InputError in one line."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                action(*arguments)
        except InputError as error:
            raise InputError(f"{self.model.path}: {error}") from None
        except Exception as error:  # any code of the model's class may run
            if explain_machine_error(error, "convert"):
                raise
            reason = " ".join(str(error).split())[:300]
            raise InputError(
                f"{self.model.path}: cannot {name}: {type(error).__name__}: {reason}; choose another model"
                + (" or leave the method out of `methods`" if ":" in name else "")
            ) from error

    def load(self) -> LanguageModel:
        model = load_model(self.base, self.model.architecture, self.chat)
        model.network.eval().requires_grad_(False)
        return model

    def use_base(self) -> None:
        model = self.load()
        examples = encode_dialogues(model)
        check_vocabulary(model, examples)
        check_reading(model, examples)
        check_direction(model, examples)
        write_and_choose(model, self.beams)

    def use_examples(self, name: str) -> None:
        model = load_text_encoder(self.base, self.model.architecture, self.chat)
        examples = [{"instruction": INSTRUCTION.format(text), "completion": summary} for text, summary in DIALOGUES]
        try:
            join_turns(examples, examples[0]["instruction"], model)
        except InputError as error:
            raise InputError(
                f"{name}: with a conversation of several turns {error}; or leave it out of `methods`"
            ) from None

    def use_method(self, module: Any, params: Any) -> None:
        import torch

        model = self.load()
        examples, torch_state = encode_dialogues(model), torch.get_rng_state()
        before = logits_of(model, examples)
        name = module.__name__.rpartition(".")[2]
        torch.manual_seed(0)
        model.network = module.adapt(model, params, 0)
        if not trained_parameters(model.network):
            raise InputError(f"{name}: this model has no parameter that the method trains")
        check_positions(name, model, examples)
        check_start(name, model, examples, before)
        train_step(name, model, examples, params)
        trained = logits_of(model, examples)
        with tempfile.TemporaryDirectory(prefix="probe-", dir=self.base.parent) as folder:
            output = Path(folder) / name
            save_tuned(model, output)
            again = load_tuned(self.base, output, self.model.architecture, self.chat, merge=True)
        again.network.eval()
        if not same(trained, logits_of(again, examples)):
            share = difference(trained, logits_of(again, examples))
            raise InputError(f"{name}: saved and read again, the model says something else (by {share:.0%})")
        write_and_choose(again, self.beams)
        torch.set_rng_state(torch_state)


def encode_dialogues(model: LanguageModel) -> list[Example]:
    """The two dialogues as training examples."""
    before, after = [], model.completion_frame[1]
    for dialogue, summary in DIALOGUES:
        prompt = tokenize_instruction(INSTRUCTION.format(dialogue), model)
        before.append(model.encode_example(prompt, [*tokenize_completion(summary, model), *after[:-1]], after[-1]))
    return before


def check_vocabulary(model: LanguageModel, examples: list[Example]) -> None:
    """Raise InputError where the tokenizer and the embeddings don't belong together."""
    tokenizer, rows = model.tokenizer, model.network.get_input_embeddings().weight.shape[0]
    roles = {tokenizer.special_tokens_map.get(role) for role in NAMED}
    # Sentinels such as T5's <extra_id_0> are in no text, and old checkpoints have no rows for them.
    unused = {one.content for one in tokenizer.added_tokens_decoder.values() if one.special} - roles
    starts = {key: token for key, token in model.generation_tokens().items() if token >= rows}
    if starts:
        raise InputError(f"its embeddings have {rows} rows and its configuration {starts}: another model's file?")
    ids = [token for example in examples for token in example["input_ids"]]
    labels = [token for example in examples for token in example["labels"]]
    highest = max(*ids, *labels, *(number for token, number in tokenizer.get_vocab().items() if token not in unused))
    if highest >= rows:
        raise InputError(
            f"its tokenizer has ids up to {highest} and its embeddings only {rows} rows: tokens were added, so call "
            "model.resize_token_embeddings(len(tokenizer)) and save the model again"
        )
    if tokenizer.unk_token_id is not None and ids.count(tokenizer.unk_token_id) > len(ids) / 2:
        raise InputError(
            "its tokenizer knows hardly a word of an English text: are its files (tokenizer.json, *.model) missing?"
        )


def check_reading(model: LanguageModel, examples: list[Example]) -> None:
    """Raise InputError where a text's logits are not finite, not the same twice, or others beside a longer text."""
    import torch

    logits = logits_of(model, examples)
    if not logits.isfinite().all():
        raise InputError("its logits are not finite: broken weights?")
    if not same(logits, logits_of(model, examples)):
        raise InputError("it reads a text differently each time (attention to random words?), so nothing is repeatable")
    if not same(logits, torch.cat([logits_of(model, [example]) for example in examples])):
        raise InputError("it reads a text differently in a batch: padding changes its logits")


def check_direction(model: LanguageModel, examples: list[Example]) -> None:
    """Raise InputError for a causal model that reads what it has to write, like BERT's."""
    if "decoder_input_ids" in (batch := model.collate(examples[:1]).to(model.device)):
        return
    import torch

    ids = batch["input_ids"]
    with torch.no_grad():
        whole = model.network(input_ids=ids, use_cache=False).logits[:, : ids.shape[1] // 2]
        part = model.network(input_ids=ids[:, : ids.shape[1] // 2], use_cache=False).logits
    if not same(whole, part, tolerance=1e-4):  # little of a random encoder's logits is of what follows
        raise InputError("it reads what comes after a word, so it cannot write word by word (an encoder?)")


def check_positions(name: str, model: LanguageModel, examples: list[Example]) -> None:
    """Raise InputError where a method's virtual tokens leave no positions for a text."""
    added, positions = virtual_tokens(model.network), model.prompt_positions(model.base_network.config, 0)
    if added and positions is not None and added + max(len(one["input_ids"]) for one in examples) > positions:
        raise InputError(
            f"{name}: {added} virtual tokens leave too little of the model's {positions} positions for a text: lower "
            f"{name}.num_virtual_tokens, or leave it out of `methods`"
        )


def train_step(name: str, model: LanguageModel, examples: list[Example], params: Any) -> None:
    """One optimizer step on the examples. Raises InputError where no gradient comes, or one that is not finite."""
    model.network.train()
    total, labels = model.loss(model.collate(examples).to(model.device))
    (total / labels).backward()
    gradients = [value.grad for value in trained_parameters(model.network).values() if value.grad is not None]
    if not gradients or not all(gradient.isfinite().all() for gradient in gradients):
        raise InputError(f"{name}: its training gives no finite gradient with this model")
    make_optimizer(model.network, params).step()
    model.network.zero_grad()
    model.network.eval()


def write_and_choose(model: LanguageModel, beams: int) -> None:
    """Write a few tokens, with beams too, and answer a question by the likelier choice."""
    prompts = [tokenize_instruction(INSTRUCTION.format(dialogue), model) for dialogue, _ in DIALOGUES]
    check_writing(model, prompts, write(model, prompts, 1))
    if beams > 1:
        write(model, prompts, beams)
    choice_log_likelihoods(model, prompts[:1], [["Friday", "Monday"]], 2, "choose")


def write(model: LanguageModel, prompts: list[list[int]], beams: int) -> dict[int, list[int]]:
    """What the model writes after each prompt, all of them in one batch, by the number of the prompt."""
    params = DecodingParams(max_new_tokens=4, num_beams=beams, no_repeat_ngram_size=0, length_penalty=1.0)
    answers = generate_answers(model, prompts, configure_decoding(model, params), len(prompts), "fp32")
    return {number: answer.ids for number, answer, _ in answers}


def check_writing(model: LanguageModel, prompts: list[list[int]], answers: dict[int, list[int]]) -> None:
    """Raise InputError where a greedy answer has a token that training's logits do not rank first."""
    forced = "forced_bos_token_id" in model.generation_tokens()
    for number, ids in answers.items():
        if len(ids) > forced:
            logits = logits_of(model, [model.encode_example(prompts[number], ids[:-1], ids[-1])])
            written = logits[range(len(ids)), ids]
            if not same(logits.max(dim=1).values[forced:], written[forced:]):
                raise InputError(
                    "it writes other tokens than it is trained to: its class counts positions in two ways, or reads "
                    "the padding before a prompt"
                )
