"""The server beside the pages: probes, security headers, foreign hosts and pages, errors."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import anyio
import pytest
import streamlit as st
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from streamlit.testing.v1 import AppTest

from engine.errors import SettingsError
from pages.ui.server import Guard, live, ready


async def greet(socket) -> None:
    await socket.accept()
    await socket.close()


@dataclass
class Server:
    """The routes and the guard as the server has them, without Streamlit's own routes; asked without a network."""

    app: Any = field(
        default_factory=lambda: Starlette(
            routes=[Route("/healthz/live", live), Route("/healthz/ready", ready), WebSocketRoute("/stream", greet)],
            middleware=[Middleware(Guard)],
        )
    )

    def get(self, path: str, *, host: str = "127.0.0.1:8501") -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of an answer."""
        start, *bodies = self._messages({"type": "http", "method": "GET", "path": path}, {"type": "http.request"}, host=host)
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, b"".join(body["body"] for body in bodies)

    def not_ready(self) -> list[str]:
        """Return what the readiness probe complains of."""
        return json.loads(self.get("/healthz/ready")[2])["not_ready"]

    def opens_websocket(self, *, origin: str | None) -> bool:
        """Say whether a page of that origin may open a WebSocket."""
        scope = {"type": "websocket", "path": "/stream", "subprotocols": []}
        sent = self._messages(scope, {"type": "websocket.connect"}, host="127.0.0.1:8501", origin=origin)
        return sent[0]["type"] == "websocket.accept"

    def _messages(self, scope: dict[str, Any], first: dict[str, Any], *, host: str, origin: str | None = None) -> list[dict[str, Any]]:
        sent = []
        headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin is not None else [])

        async def receive() -> dict[str, Any]:
            return first

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        anyio.run(self.app, scope | {"headers": headers, "query_string": b"", "root_path": "", "scheme": "http"}, receive, send)
        return sent


@pytest.fixture
def server() -> Server:
    st.config.set_option("server.allowedHosts", ["127.0.0.1", "localhost"])
    return Server()


def test_a_console_with_a_living_runner_is_ready(open_store, server):
    open_store("healthy")

    status, _, body = server.get("/healthz/ready")

    assert (status, json.loads(body)) == (200, {"status": "ready", "not_ready": []})


def test_without_a_runner_it_is_live_but_not_ready_and_says_why(open_store, server):
    open_store("runner_dead")

    assert server.get("/healthz/ready")[0] == 503
    assert server.not_ready() == ["no runner is alive"]
    assert server.get("/healthz/live")[0] == 200


def test_a_runner_counts_as_dead_after_ten_silent_seconds(open_store, server):
    store = open_store("empty")
    with store.database.transaction() as connection:
        late = store.runtime.clock.now() - timedelta(seconds=11)
        connection.execute(text("UPDATE runner SET heartbeat_at = :at"), {"at": int(late.timestamp() * 1_000_000)})

    assert server.not_ready() == ["no runner is alive"]


def test_a_database_of_another_schema_is_not_ready(open_store, server):
    store = open_store("healthy")
    with store.database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    assert server.not_ready()[0].startswith("the database is at schema 0000, this version needs")


def test_a_database_that_does_not_answer_is_not_ready(open_store, server, tmp_path):
    store = open_store("healthy")
    store.database.close()
    (tmp_path / "home" / "console.db").write_bytes(b"no database, and longer than the header of one is" * 100)

    assert server.get("/healthz/ready")[0] == 503
    assert server.not_ready() == ["the database does not answer: DatabaseError"]


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost:8501", "localhost", "127.0.0.1"])
def test_the_console_serves_its_own_names(host, server):
    assert server.get("/healthz/live", host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "127.0.0.1.evil.example", "[broken", ""])
def test_a_name_that_was_pointed_at_this_machine_is_refused(host, server):
    assert server.get("/healthz/live", host=host)[0] == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "http://localhost:8501", "null", "http://[broken"])
def test_a_page_of_another_origin_opens_no_websocket(origin, server):
    assert not server.opens_websocket(origin=origin)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8501", None])
def test_the_consoles_own_page_and_a_program_open_a_websocket(origin, server):
    assert server.opens_websocket(origin=origin)


def test_every_answer_forbids_framing_and_foreign_code(server):
    _, headers, _ = server.get("/healthz/live")

    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("error", "said"),
    [(SettingsError("NEPSE_HOME cannot be used"), "NEPSE\\_HOME cannot be used"), (KeyError("secret"), "An error of the kind KeyError")],
)
def test_a_page_that_cannot_be_drawn_says_what_to_do_and_gives_nothing_away(error, said):
    def script(error):
        from pages.ui.server import explain  # noqa: PLC0415, the script runs in a module of its own

        explain(error)

    app = AppTest.from_function(script, args=(error,)).run()

    assert app.error[0].value.startswith(said)
    assert "secret" not in app.error[0].value
    assert "python -m engine doctor" in app.error[0].value
