"""A page as one HTML file that needs no network: style, charts, their JavaScript and the reader are inside."""

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from pipeline.reporting.page import Block, Chart, Fold, Page, Reader, SideBySide

TEMPLATES = Path(__file__).with_name("templates")


def render(page: Page) -> str:
    """The page. Every text is escaped: what an example holds is shown, never run."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["embedded"] = embedded
    environment.filters["packed"] = packed
    environment.tests["kind"] = lambda block, name: type(block).__name__ == name
    blocks = [block for section in page.sections for one in section.blocks for block in _flatten(one)]
    charts = {block.name: block.specification for block in blocks if isinstance(block, Chart)}
    reader = next((block for block in blocks if isinstance(block, Reader)), None)
    return environment.get_template("page.html").render(
        page=page, charts=charts, reader=reader, include_file=_read, vega=Markup(vega()) if charts else ""
    )


def _flatten(block: Block) -> Iterator[Block]:
    """The block and those inside it."""
    yield block
    match block:
        case Fold():
            for inner in block.blocks:
                yield from _flatten(inner)
        case SideBySide():
            yield from block.charts


def _read(name: str) -> Markup:
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    return vl_convert.javascript_bundle().replace("</script", "<\\/script")  # type: ignore[call-arg]


def packed(value: Any) -> str:
    """JSON for a <script> element, deflated and in base64: a fifth to a third of the size. reader.js unpacks it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), level=9)).decode()


def embedded(value: Any) -> Markup:
    """JSON for a <script> element: no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))
