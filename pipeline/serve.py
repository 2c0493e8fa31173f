"""Serve every trained method over HTTP from one base model in memory, as OpenAI's completions with a method as `model`.

    python -m pipeline.serve
    python -m pipeline.serve lora,prompt_tuning --port 8080
    python -m pipeline.serve all --folder exports

The methods are those of params.yaml (or some of them, with commas) and, with --folder, the folders in it that
`python -m pipeline.export` wrote, such as adapters of other tasks on the same base. A method that is trained or
exported while the server runs is served without a restart. http://127.0.0.1:8000 is a page to try them side by side;
docs/use.md shows the requests.
"""

import argparse
import importlib.util
import ipaddress
import logging
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from pipeline.core import files, templates
from pipeline.core.cli import prepare_process, run_command
from pipeline.core.cores import available_cores
from pipeline.core.errors import InputError
from pipeline.core.messages import listed
from pipeline.core.params import read_section
from pipeline.core.paths import Paths
from pipeline.models.devices import best_device
from pipeline.models.loading import count_parameters
from pipeline.parameters.model import Model
from pipeline.serving.sources import Sources
from pipeline.serving.workers import choose_workers, run_workers

ALL = "all"  # methods of params.yaml
KEY = "SERVE_API_KEY"
COUNTS = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client keeps the workers' counts


def main() -> None:
    arguments = parse_arguments()
    require_packages()
    key = read_key(arguments)
    if not key and not is_loopback(arguments.host):
        raise InputError(
            f"--host {arguments.host}: others could reach it; give them a key with --api-key-file FILE or the "
            f"environment variable {KEY}"
        )
    paths = Paths()
    names = find_sources(arguments).first()
    count = arguments.workers or choose_workers(parameters_of(paths.base_model), best_device())
    reserved = reserve(arguments.host, arguments.port)
    host, arguments.port = reserved.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{arguments.port}"
    workers = f"{count} workers" if count > 1 else "1 worker"
    print(f"{address} answers in a moment: {', '.join(names)}; {workers} (Ctrl+C ends)")
    with tempfile.TemporaryDirectory() as counts:
        os.environ[COUNTS] = counts
        code = run_workers(count, work, arguments, key, max(1, available_cores() // count))
    if code:
        sys.exit(code)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.serve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("methods", nargs="?", default=ALL, metavar="METHOD[,METHOD...]", help="default: all")
    parser.add_argument("--folder", type=Path, help="serve the exported folders in it too, by their names")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s, this machine alone")
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s; 0 takes a free one")
    parser.add_argument("--api-key-file", type=Path, help=f"a file with the key of requests; or set {KEY}")
    parser.add_argument(
        "--workers",
        type=int,
        help="processes, each with the models in memory; default: one for each core, at most "
        "four, where the model is small, else one",
    )
    parser.add_argument("--max-batch", type=int, default=32, help="requests written together (%(default)s)")
    parser.add_argument("--max-wait", type=float, default=0.25, help="seconds to wait for others at most (%(default)s)")
    parser.add_argument("--max-queue", type=int, default=256, help="requests that wait; further get 429 (%(default)s)")
    parser.add_argument("--max-clients", type=int, default=512, help="connections; further get 503 (%(default)s)")
    parser.add_argument("--max-body", type=int, default=10**6, help="bytes of a request (%(default)s)")
    parser.add_argument("--timeout", type=float, default=60, help="seconds to an answer (%(default)s)")
    parser.add_argument("--log-text", action="store_true", help="write requests and answers into the log")
    arguments = parser.parse_args()
    if arguments.workers is not None and arguments.workers < 1:
        parser.error("--workers: at least 1")
    for name in ("max_batch", "max_queue", "max_clients", "max_body"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name.replace('_', '-')}: at least 1")
    if arguments.max_wait < 0 or arguments.timeout <= 0 or not 0 <= arguments.port < 65536:
        parser.error("--max-wait: at least 0; --timeout: above 0; --port: 0 to 65535")
    return arguments


def read_key(arguments: argparse.Namespace) -> str:
    """The key that requests have to give; empty where none is asked for."""
    if not arguments.api_key_file:
        return os.environ.get(KEY, "").strip()
    try:
        key = str(arguments.api_key_file.read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--api-key-file: {error}") from None
    if not key:
        raise InputError(f"--api-key-file: {arguments.api_key_file} is empty")
    return key


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_packages() -> None:
    """Raise InputError where the packages of serving are missing."""
    missing = [name for name in ("fastapi", "prometheus_client", "uvicorn") if not importlib.util.find_spec(name)]
    if missing:
        raise InputError(f"{listed(missing)} missing: pip install --constraint constraints.txt --editable '.[serve]'")


def find_sources(arguments: argparse.Namespace) -> Sources:
    chosen = None if arguments.methods == ALL else arguments.methods.split(",")
    return Sources(Paths(), chosen, arguments.folder)


def parameters_of(folder: Path) -> int:
    if not folder.is_dir():
        raise files.missing(folder)
    with files.explain_damage(folder):
        return count_parameters(folder)


def work(ready: Any, arguments: argparse.Namespace, key: str, threads: int) -> None:
    """A worker: load all methods, then answer until SIGTERM. `ready` is set when it answers."""
    prepare_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches every process; the first one tells the others
    run_command("python -m pipeline.serve", lambda: answer(ready, arguments, key, threads), "serve")


def answer(ready: Any, arguments: argparse.Namespace, key: str, threads: int) -> None:
    import torch
    import transformers
    import uvicorn

    from pipeline.serving.api import LOOPBACK, make_app
    from pipeline.serving.engine import Engine
    from pipeline.serving.registry import Registry
    from pipeline.serving.shared_base import SharedBase

    torch.set_num_threads(threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("pipeline.serve").setLevel(logging.INFO)
    paths, sources = Paths(), find_sources(arguments)
    base = SharedBase(paths.base_model, read_section("model", Model).architecture)
    engine = Engine(base, arguments.max_batch, arguments.max_wait, arguments.max_queue)
    registry = Registry(sources, base, paths.base_model)
    for name in sources.first():
        engine.call(lambda name=name: registry.get(name)).result()  # type: ignore[misc]
    app = make_app(
        registry,
        engine,
        key=key,
        timeout=arguments.timeout,
        max_body=arguments.max_body,
        log_text=arguments.log_text,
        hosts=LOOPBACK if is_loopback(arguments.host) and ":" not in arguments.host else (),
    )
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        limit_concurrency=arguments.max_clients,
        timeout_graceful_shutdown=int(arguments.timeout) + 1,
        timeout_keep_alive=75,
    )
    templates.fill("", {})  # its process is forked now, without the connections of clients
    ready.set()
    uvicorn.Server(config).run(sockets=[listen(arguments.host, arguments.port)])


def reserve(host: str, port: int) -> socket.socket:
    """A socket that keeps the address and does not listen: each worker listens for itself, and the kernel shares out
    connections among them. Raises InputError where the address is taken or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as free:  # fails where another server has it
            port = free.getsockname()[1]
        reserved = socket.socket(family)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((host, port))
        return reserved
    except OSError as error:
        raise InputError(f"--host {host} --port {port}: {error.strerror or error}") from None


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024, reuse_port=True)


if __name__ == "__main__":
    prepare_process()
    run_command("python -m pipeline.serve", main, "serve")
