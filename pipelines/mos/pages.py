"""HTML of the study: Jinja templates with their style and script inside, and the headers that go with them."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from assets.mos.scales import SCALES

TEMPLATES = Path(__file__).with_name("templates")


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page; nothing is loaded from elsewhere, and nothing is kept in caches."""
    html = _environment().get_template(f"{template}.html.j2").render(scales=SCALES, **_inline(), **values)
    return HTMLResponse(html, status_code=status, headers=_headers())


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _inline() -> dict[str, str]:
    return {
        "style": (TEMPLATES / "page.css").read_text(encoding="utf-8"),
        "script": (TEMPLATES / "keys.js").read_text(encoding="utf-8"),
    }


@cache
def _headers() -> dict[str, str]:
    sources = {name: _source_hash(text) for name, text in _inline().items()}
    policy = (
        f"default-src 'none'; style-src {sources['style']}; script-src {sources['script']}; media-src 'self'; "
        "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }


def _source_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
