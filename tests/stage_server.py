"""Forks the stages of test projects, and DVC, from one process that has all libraries imported already.

Importing torch, transformers and PEFT takes about 5 s of a processor, more than most stages of a test's size take
otherwise, and importing DVC one to two. Each stage still is a process of its own with the project's own code. `python`
in a test project's PATH is the client below, and so is `dvc`: it asks the server for dvc, for `python -m pipeline` and
for the modules in FORKED, and is the real Python for all else.
"""

import array
import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pickle
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path
from typing import Any, TextIO

FORKED = (
    *("prepare", "convert", "template", "tokenize", "train", "validate", "generate", "forgetting", "measure"),
    *("score", "external", "baselines", "compare", "report", "config", "code", "mix", "model_card"),
    # None that asks the hub: the server's own is offline.
    *("benchmark", "perturb", "robustness", "judge", "soft_prompt", "predict"),
)
PRELOADED = (
    *("torch", "transformers", "peft", "accelerate", "safetensors.torch", "pandas", "pyarrow.parquet", "dvclive"),
    *("dvc.repo", "omegaconf", "pydantic.dataclasses", "transformers.data.data_collator", "transformers.optimization"),
    *(
        "transformers.generation.utils",
        "transformers.models.t5.modeling_t5",
        "transformers.models.llama.modeling_llama",
    ),
    *("transformers.trainer_utils", "transformers.models.auto.tokenization_auto"),
    *("dvc.cli.parser", "dvc.commands.repro", "dvc.commands.experiments.run", "dvc.repo.experiments.queue.celery"),
    *("dvc.repo.reproduce", "dvc.repo.experiments.executor.local", "scmrepo.git", "dulwich.porcelain", "hydra"),
    *("nltk.stem.porter", "rouge_score_rs.rouge_scorer", "sacrebleu.metrics", "pyarrow.dataset", "altair", "jinja2"),
)
CLIENT = """#!{python} -SEs
import array, json, os, socket, sys

def asked_for():
    if os.path.basename(sys.argv[0]) == "dvc":
        return ["dvc_command", *sys.argv[1:]]
    is_stage = sys.argv[1:2] == ["-m"] and sys.argv[2] in {modules!r}
    return sys.argv[2:] if is_stage else None

def forked():
    if not (argv := asked_for()):
        return None
    request = json.dumps({{"argv": argv, "cwd": os.getcwd(), "environment": dict(os.environ)}}).encode()
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect({address!r})
        except OSError:
            return None
        streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
        server.sendmsg([len(request).to_bytes(8, "big")], streams)
        server.sendall(request)
        answer = server.recv(1)
    return answer[0] if answer else 137

code = forked()
if code is None:
    program = [{python!r}] if os.path.basename(sys.argv[0]) != "dvc" else [{python!r}, "-m", "dvc_command"]
    os.execv({python!r}, [*program, *sys.argv[1:]])
sys.exit(code)
"""


@cache
def start(hash_seed: int) -> Path:
    """Start this test process's server with a seed for the hashes of strings. Returns a folder for PATH."""
    folder = Path(tempfile.mkdtemp(prefix="stages"))
    address = str(folder / "socket")
    environment = os.environ | {
        "PYTHONHASHSEED": str(hash_seed),
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    server = subprocess.Popen([sys.executable, __file__, address], env=environment, cwd=folder)
    atexit.register(server.kill)
    client = folder / "bin/python"
    client.parent.mkdir()
    modules = ("pipeline", *(f"pipeline.{name}" for name in FORKED))
    client.write_text(CLIENT.format(python=sys.executable, address=address, modules=modules))
    client.chmod(0o755)
    (client.parent / "dvc").symlink_to(client)
    return client.parent


def serve(address: str) -> None:
    """Answer requests until killed. A request that comes during the imports waits for them."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(16)
        for name in PRELOADED:
            importlib.import_module(name)
        bundle_vega_once()
        parse_yaml_once()
        gc.collect()
        gc.freeze()  # or each fork's first collection walks, and so copies, all that was imported: half a second
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                run(connection)
            connection.close()


def bundle_vega_once() -> None:
    """Let every report have the bundle of Vega that is made now: it takes seconds, and is always the same text.

    In a process of its own, because what makes it has threads, which do not survive a fork.
    """
    import vl_convert

    make = "import sys, vl_convert; sys.stdout.write(vl_convert.javascript_bundle())"
    made = subprocess.run([sys.executable, "-c", make], capture_output=True, check=True, encoding="utf-8").stdout
    vl_convert.javascript_bundle = lambda: made


def parse_yaml_once() -> None:
    """Let DVC parse a text of YAML once in each process.

    For every stage that it notes in dvc.lock, DVC parses the whole file again in pure Python, although it has just
    written it; and params.yaml once for each stage that depends on it. This was a third of its time. It still reads
    and writes the files as often, and the same bytes.
    """
    from dvc.utils import serialize, strictyaml
    from dvc.utils.serialize import _yaml

    parse, dump = _yaml.parse_yaml, _yaml._dump
    parsed: dict[str, bytes] = {}
    written: dict[str, Any] = {}

    def parse_or_remember(text: str, path: str, typ: str = "safe") -> Any:
        if typ == "rt":
            return written.pop(text) if text in written else parse(text, path, typ)
        if text not in parsed:
            parsed[text] = pickle.dumps(parse(text, path, typ))
        return pickle.loads(parsed[text])  # its own, for whoever changes it

    def dump_and_remember(data: Any, stream: TextIO) -> None:
        text = io.StringIO()
        dump(data, text)
        stream.write(text.getvalue())
        written[text.getvalue()] = data

    _yaml._dump = dump_and_remember
    for module in (_yaml, serialize, strictyaml):
        module.parse_yaml = parse_or_remember


def run(connection: socket.socket) -> None:
    """A stage, in the process just forked, with the client's streams, folder, environment and arguments."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    header, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    streams = array.array("i", ancillary[0][2])
    size = int.from_bytes(header, "big")
    content = b""
    while len(content) < size:
        content += connection.recv(size - len(content))
    request: dict[str, Any] = json.loads(content)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["argv"]
    if sys.argv[0] == "dvc_command":
        gc.disable()  # a tenth of its time, in processes of seconds
    else:  # a script's folder is not that of its caller
        sys.path.insert(0, request["cwd"])
    code = 0
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError):  # nobody waits any more
        connection.sendall(bytes([code & 255]))
    os._exit(code)


if __name__ == "__main__":
    del sys.path[0]  # this folder
    serve(sys.argv[1])
