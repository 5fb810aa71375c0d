"""What a browser sends, read with limits: small forms, the rater's cookie, and whether the page that sent it is ours."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from assets.mos.scales import SCALE_NAMES

MOST_FORM_BYTES = 4096
MOST_FIELDS = 12


async def read_form(request: Request) -> dict[str, str]:
    """Fields of a form that one of our own pages sent.

    Raises:
        HTTPException: it comes from another site (403), is too long (413), of another kind (415) or malformed (400).
    """
    _require_own_page(request)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "Send the form of the page.")
    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_FORM_BYTES:
                raise HTTPException(413, "That is longer than any answer can be.")
    except ClientDisconnect as left:
        raise HTTPException(400, "The form ended early.") from left
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise HTTPException(400, "That is not the form of the page.") from error


def _require_own_page(request: Request) -> None:
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    is_foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if is_foreign or site not in ("same-origin", "none"):
        raise HTTPException(403, "Answers are taken from the pages of this study only.")


def form_key(token: str) -> str:
    """A secret in each form of a rater: only who can read the rater's pages knows it."""
    return hashlib.sha256(f"form:{token}".encode()).hexdigest()[:32]


def require_form_key(form: dict[str, str], token: str) -> None:
    """Rejects a form that did not come from one of this rater's pages (403)."""
    if not hmac.compare_digest(form.get("key", "").encode(), form_key(token).encode()):
        raise HTTPException(403, "This form belongs to another rater. Go on from the study's first page.")


def ratings_of(form: dict[str, str]) -> dict[str, int]:
    """The scales that are answered with a digit; the store says which are wrong or missing."""
    return {
        scale: int(form[scale])
        for scale in SCALE_NAMES
        if len(form.get(scale, "")) == 1 and form[scale] in "0123456789"
    }
