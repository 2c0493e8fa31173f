"""generation_config.json: how `generate` decodes, as transformers reads it."""

from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.inference.decoding import configure_decoding
from pipeline.inference.settings import AnswerSettings
from pipeline.models import architectures
from pipeline.models.chat import chat_settings
from pipeline.models.limits import generation_settings
from pipeline.models.loading import count_parameters, load_config
from pipeline.models.tokenizer import load_tokenizer


def generation_config(folder: Path, settings: AnswerSettings) -> Any:
    """transformers' GenerationConfig of a model folder with the settings of `generate`. No weights are read."""
    import torch
    import transformers

    with files.explain_damage(folder):
        config, tokenizer = load_config(folder), load_tokenizer(folder)
        found = architectures.find(settings.model.architecture)
        with torch.device("meta"):
            network = getattr(transformers, found.auto_class).from_config(
                config, attn_implementation="eager", trust_remote_code=False
            )
        if (folder / "generation_config.json").exists():
            network.generation_config = transformers.GenerationConfig.from_pretrained(folder)
        parameters = count_parameters(folder)
    if not parameters:
        raise files.damaged(folder, "no weights")
    model = found(network, tokenizer, chat_settings(settings.model, settings.template))
    params = generation_settings(settings.generate, settings.limits, config, parameters)
    return configure_decoding(model, params)
