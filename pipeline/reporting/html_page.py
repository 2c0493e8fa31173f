"""Pages that need no network: templates of pipeline/page (Jinja2), its style, Vega-Lite charts and their JavaScript."""

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

FOLDER = Path(__file__).with_name("page")


def render(template: str, charts: dict[str, dict], **values) -> str:
    """A page of pipeline/page. Every text is escaped: what a dialogue holds is shown, never run.

    charts: name -> Vega-Lite specification, drawn where the template says `chart(name, caption)`.
    """
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["embedded"] = embedded
    return environment.get_template(template).render(
        charts=charts, style=_part("page.css"), script=_part, vega=Markup(vega()), **values
    )


def _part(name: str) -> Markup:
    return Markup((FOLDER / name).read_text(encoding="utf-8"))


def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    return vl_convert.javascript_bundle().replace("</script", "<\\/script")


def embedded(value: object) -> Markup:
    """JSON for a <script> element: no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))
