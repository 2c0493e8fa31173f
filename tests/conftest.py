import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub: a test that wants the hub fails at once
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"  # tests run side by side

import pytest

from tests import tiny


@pytest.fixture(scope="session")
def seq2seq_base(tmp_path_factory):
    return tiny.make("seq2seq", tmp_path_factory.mktemp("base") / "seq2seq", tiny.texts())


@pytest.fixture(scope="session")
def causal_base(tmp_path_factory):
    return tiny.make("causal", tmp_path_factory.mktemp("base") / "causal", tiny.texts())
