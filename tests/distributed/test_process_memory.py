"""What FSDP saves, by the benchmark's own measurement on a smaller shape."""

import pytest

from benchmarks.process_memory import run, write_tokenizer
from tests.project import ROOT


@pytest.mark.slow
def test_a_process_holds_less_of_a_network_that_is_shared_out(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    folder = write_tokenizer(tmp_path)
    alone, shared = run("flan_t5_small", folder, 1, False), run("flan_t5_small", folder, 2, True)
    assert shared < 0.85 * alone  # imported libraries are a third of both
    assert "FSDP, 2 processes" in capsys.readouterr().out
