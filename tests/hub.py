"""A small server on loopback that speaks as much of the Hugging Face hub's protocol as a download needs."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from huggingface_hub.repocard import metadata_load

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def serve(models: dict[str, Path] | None = None, datasets: dict[str, Path] | None = None, cut: str | None = None):
    """Serve folders as repositories at COMMIT, which is also their main; yields the endpoint.

    `cut` names a file whose body ends half-way, as when a connection breaks.
    """
    repositories = {("models", name): path for name, path in (models or {}).items()}
    repositories |= {("datasets", name): path for name, path in (datasets or {}).items()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self.answer()

        def do_GET(self):
            self.answer()

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer()

        def log_message(self, *arguments):
            pass

        def answer(self):
            parts = unquote(urlsplit(self.path).path).strip("/").split("/")
            if parts[0] == "api":
                kind, name, rest = parts[1], "/".join(parts[2:4]), parts[4:]
            else:
                kind = "datasets" if parts[0] == "datasets" else "models"
                parts = parts[1:] if kind == "datasets" else parts
                name, rest = "/".join(parts[:2]), parts[2:]
            folder = repositories.get((kind, name))
            revision = rest[1] if len(rest) > 1 else "main"
            if folder is None:
                return self.send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            if revision not in (COMMIT, "main"):
                return self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            if rest and rest[0] == "resolve":
                return self.file(folder / "/".join(rest[2:]))
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            names = [path.relative_to(folder).as_posix() for path in files]
            if rest and rest[0] == "tree" and "recursive=true" not in urlsplit(self.path).query.lower():
                return self.folder(folder, "/".join(rest[2:]))
            if rest and rest[0] in ("tree", "paths-info"):
                listed = [
                    {"type": "file", "path": name, "size": path.stat().st_size, "oid": "0" * 40}
                    for name, path in zip(names, files)
                ]
                inside = "/".join(rest[2:])
                if inside and not any(name.startswith(f"{inside}/") for name in names):
                    return self.send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
                return self.send(200, json.dumps([row for row in listed if row["path"].startswith(inside)]).encode())
            about = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}
            if (folder / "README.md").exists():
                about["cardData"] = metadata_load(folder / "README.md")
            return self.send(200, json.dumps(about | {"private": False, "tags": [], "downloads": 0}).encode())

        def folder(self, repository: Path, inside: str):
            """The files and folders of a folder."""
            if not (repository / inside).is_dir():
                return self.send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            listed = [
                {
                    "type": "directory" if path.is_dir() else "file",
                    "path": path.relative_to(repository).as_posix(),
                    "size": 0 if path.is_dir() else path.stat().st_size,
                    "oid": "0" * 40,
                }
                for path in sorted((repository / inside).iterdir())
            ]
            return self.send(200, json.dumps(listed).encode())

        def file(self, path: Path):
            if not path.is_file():
                return self.send(404, b"", {"X-Error-Code": "EntryNotFound"})
            content = path.read_bytes()
            etag = hashlib.sha1(content).hexdigest()
            headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
            if path.name == cut and self.command == "GET":
                self.close_connection = True
                return self.send(200, content[: len(content) // 2], headers, length=len(content))
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return self.send(206 if start else 200, content[start:], headers)

        def send(self, status: int, body: bytes, headers: dict | None = None, length: int | None = None):
            self.send_response(status)
            for key, value in {"Content-Length": str(length or len(body)), **(headers or {})}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
