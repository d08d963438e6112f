"""What the server does beside drawing pages: its start and its end, the health probes, and what it refuses."""

import gc
import importlib
import os
import pkgutil
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import streamlit as st
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import engine.runtime
from engine.errors import ConsoleError, SourceError
from engine.monitoring.exposition import CONTENT_TYPE, exposition
from engine.pipeline.supervisor import Supervisor
from engine.runtime import Runtime
from engine.services import Services
from pages.ui import data
from pages.ui.sockets import send_at_once
from pages.ui.text import plain
from storage import runners
from storage.migrate import HEAD, schema_version

GARBAGE_EVERY = 10.0  # seconds
NICE = 5  # steps by which the runner comes before the pages (python -m benchmarks.load)
# What the pages need beside our own modules, loaded before the first visitor comes: garbage collection looks through what comes later.
WARM = (
    "pandas",
    "pyarrow.pandas_compat",
    "pyarrow.vendored.version",
    "PIL.ImageFile",
    "altair",
    "streamlit.dataframe.lazy_df_adapters",
    "streamlit.elements.echarts_chart",
    "streamlit.material_icon_names",
    "streamlit.web.skills",
)
# Streamlit's own front end needs inline styles, blob workers and evaluated chart code; nothing may come from another host.
CONTENT_POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' ws: wss:",
    "worker-src": "'self' blob:",
    "frame-src": "'self' data: blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_PORT = re.compile(r":\d+$")  # the port of a Host header
SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in CONTENT_POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def open_or_end() -> None:
    """Open the home before the server begins; end with the reason in a sentence where that is not possible."""
    try:
        engine.runtime.runtime()
    except ConsoleError as error:
        raise SystemExit(f"The console cannot start. {error}") from None


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Start the runner beside the server, and stop it when the server ends."""
    opened = await anyio.to_thread.run_sync(engine.runtime.runtime)
    supervisor = Supervisor(opened.settings) if opened.settings.runner == "embedded" else None
    # Before the runner looks at the schedule: today's date builds on those of the first backfill.
    await anyio.to_thread.run_sync(_first_backfill, opened)
    if supervisor is not None:
        supervisor.start()
    give_way()
    await anyio.to_thread.run_sync(_warm, opened)
    send_at_once()
    try:
        async with anyio.create_task_group() as beside:
            beside.start_soon(_collect_garbage)
            yield {}
            beside.cancel_scope.cancel()
    finally:
        if supervisor is not None:
            await anyio.to_thread.run_sync(supervisor.stop)


def give_way() -> None:
    """Let runs come before pages from here on: each redraw that interrupts a run costs it more than the page gains.

    On Linux a thread's niceness is its own and passes on to what it starts later: to the threads that draw pages, and not to the
    supervisor, which runs already and whose runners therefore begin where the console did.
    """
    os.nice(NICE)


async def _collect_garbage() -> None:
    """Collect all garbage every few seconds; Streamlit's own way, after every script run, took half of the time with twenty visitors."""
    while True:
        await anyio.sleep(GARBAGE_EVERY)
        gc.collect()


def _first_backfill(opened: Runtime) -> None:
    try:
        Services(opened, actor="first start").first_backfill()
    except SourceError as error:  # the console comes up all the same: its pages say what is wrong with the source
        structlog.get_logger().warning("no_first_backfill", why=str(error))


def _warm(opened: Runtime) -> None:
    """Do beforehand what the first visitor would wait for: imports, and the source's calendar (half a second when it is simulated)."""
    for name in warm_modules():
        importlib.import_module(name)
    with suppress(SourceError):  # the pages say what is wrong with the source
        opened.source.reference()
    if st.get_option("server.fileWatcherType") == "none":
        # Frozen modules are not looked through each time that garbage is collected (100 to 10 ms).
        # With hot reload on, freezing would keep every generation of every module alive.
        gc.collect()
        gc.freeze()


def warm_modules() -> tuple[str, ...]:
    """Return the modules that are loaded before the first visitor comes."""
    return *WARM, *(module.name for module in pkgutil.walk_packages([str(Path(__file__).parent)], "pages.ui."))


def not_ready(runtime: Runtime) -> list[str]:
    """Return what keeps the console from doing its work, each as a sentence; empty when it is ready."""
    try:
        found = schema_version(runtime.database)
        with runtime.database.reading() as connection:
            alive = runners.alive(connection, at=runtime.clock.now(), within=runners.ALIVE_WITHIN)
    except SQLAlchemyError as error:
        return [f"the database does not answer: {type(error).__name__}"]
    wrong = []
    if found != HEAD:
        wrong.append(f"the database is at schema {found}, this version needs {HEAD}")
    if not alive:
        wrong.append("no runner is alive")
    return wrong


async def live(_request: Request) -> JSONResponse:
    """Answer 200 as long as the server serves at all."""
    return JSONResponse({"status": "live"})


async def ready(_request: Request) -> JSONResponse:
    """Answer 200 when the console can do its work, else 503 with what is not ready."""
    wrong = await anyio.to_thread.run_sync(lambda: not_ready(engine.runtime.runtime()))
    return JSONResponse({"status": "not ready" if wrong else "ready", "not_ready": wrong}, status_code=503 if wrong else 200)


async def metrics(_request: Request) -> Response:
    """Answer with what Prometheus reads; 503 while the database does not answer."""
    try:
        text = await anyio.to_thread.run_sync(lambda: exposition(engine.runtime.runtime(), data.calendar()))
    except SQLAlchemyError as error:
        return PlainTextResponse(f"the database does not answer: {type(error).__name__}\n", status_code=503)
    return Response(text, media_type=CONTENT_TYPE)


class Guard:
    """Refuses foreign hosts and foreign pages on every route, and sends the security headers.

    A page of another site must not reach the console through the visitor's browser: not by a name that resolves to this machine
    (Host), and not by a WebSocket, which browsers open across sites without asking (Origin).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not host_allowed(headers.get("host", "")):
            await _refuse(scope, receive, send, text="This console does not serve that host name.", status=421)
            return
        if scope["type"] == "websocket" and not same_origin(headers.get("origin"), headers.get("host", "")):
            await _refuse(scope, receive, send, text="This page does not belong to the console.", status=403)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def host_allowed(host: str) -> bool:
    """Say whether a Host header names this server (`server.allowedHosts`; an empty list allows all)."""
    allowed = st.get_option("server.allowedHosts")
    return not allowed or _PORT.sub("", host) in allowed


def same_origin(origin: str | None, host: str) -> bool:
    """Say whether a WebSocket was opened by a page of this server, port included; programs send no Origin."""
    return origin is None or origin.partition("://")[2] == host


async def _refuse(scope: Scope, receive: Receive, send: Send, *, text: str, status: int) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": text})
    else:
        await PlainTextResponse(text, status_code=status)(scope, receive, send)


def explain(error: Exception) -> bool:
    """Draw what a visitor sees when a page could not be drawn; the traceback is in the server's log."""
    what = str(error) if isinstance(error, ConsoleError) else f"An error of the kind {type(error).__name__}; the server's log has the rest."
    step = "Reload the page. If it happens again, `python -m engine doctor` says what to do."
    st.error(f"{plain(what)}\n\n{step}", title="This page could not be drawn", icon=":material/error:")
    return True
