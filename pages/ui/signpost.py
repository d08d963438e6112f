"""Addresses that name no page: the browser is led to a page that says so; Streamlit would show a bare box of its own."""

from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HOME, LOST = "overview", "lost"  # the page that stands at `/`, and the one that says that there is no such page
# Every script beside the router is a page, and its name is its address.
PAGES = {script.stem for script in Path(__file__).parents[1].glob("*.py")} - {"router", HOME}
_LONGEST = 80  # characters of an address that are repeated


class Signpost:
    """Leads a browser on from an address that names no page; programs, files and Streamlit's own routes pass."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer where to go."""
        there = way(scope["path"]) if scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", "") else None
        await (self._app if there is None else RedirectResponse(there, 302))(scope, receive, send)


def way(path: str) -> str | None:
    """Return where a browser shall go that asks for `path`, or None when something stands there."""
    name = path.strip("/")
    if name == HOME:
        return "/"
    if not name or name in PAGES or "." in name or name.startswith(("_stcore/", "static/", "media/", "component/", "healthz")):
        return None
    return f"/{LOST}?path={quote(name[:_LONGEST], safe='')}"
