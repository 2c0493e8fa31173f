"""Folders in which stages run with a launcher."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def bases(tmp_path_factory, seq2seq_base, causal_base) -> Path:
    """A folder with a base of each architecture, by its name."""
    folder = tmp_path_factory.mktemp("distributed")
    for name, base in (("seq2seq", seq2seq_base), ("causal", causal_base)):
        shutil.copytree(base, folder / name)
    return folder
