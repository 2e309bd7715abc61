"""The page for people: what is under way, who works on it, and the reports."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache

from fastapi import APIRouter, Request, Response

from btkit.render.page_head import PageHead
from btkit.render.pages import page
from btkit.service.problems import answers
from btkit.service.shared import ServiceOf

router = APIRouter(tags=["page"])

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_HEADS = {
    True: PageHead("btkit", "Backtests", "Loading what was asked for."),
    False: PageHead("btkit", "Sign in", "This server wants to know who asks."),
}


@router.get(
    "/",
    response_class=Response,
    responses={
        200: {
            "description": "The page",
            "content": {"text/html": {"schema": {"type": "string"}}},
        },
        **answers(),
        401: {
            "description": "The form to sign in",
            "content": {"text/html": {"schema": {"type": "string"}}},
        },
    },
)
def get_front(request: Request, service: ServiceOf) -> Response:
    """Return the page that lists operations and opens reports; without a session, the sign-in."""
    signed_in: bool = request.state.signed_in
    html, policy = _front(signed_in=signed_in, has_token=service.rules.token is not None)
    headers = {"Content-Security-Policy": policy}
    if signed_in:
        return Response(html, headers=headers, media_type="text/html")
    headers["WWW-Authenticate"] = "Bearer"
    return Response(html, 401, headers, media_type="text/html")


@cache
def _front(*, signed_in: bool, has_token: bool) -> tuple[str, str]:
    html = page(
        "service" if signed_in else "sign_in",
        title="btkit",
        head=_HEADS[signed_in],
        has_token=has_token,
    )
    # Nothing runs and nothing styles but what stands in this very page.
    policy = (
        f"default-src 'none'; script-src {_hashes(_SCRIPT, html)}; "
        f"style-src {_hashes(_STYLE, html)}; connect-src 'self'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return html, policy


def _hashes(tag: re.Pattern[str], html: str) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in tag.findall(html))
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
