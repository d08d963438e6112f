"""Real servers on this machine that take what channels are told: a webhook and a mail server."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_string
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any


class Webhook(ThreadingHTTPServer):
    """Takes POST requests and answers with the statuses it is told, 200 after them; `before` may do something first."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.got: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self.before: Callable[[], None] = lambda: None

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Post(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.before()
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class MailServer(ThreadingTCPServer):
    """As much of SMTP (RFC 5321) as a client needs that sends a letter without signing in, or that is not let in."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, *, letting_in: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.letting_in = letting_in
        self.letters: list[Message] = []

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


_DOOR = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 Username and Password not accepted"}


class _Session(StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(maxsplit=1)[0].upper()
            if not self.server.letting_in and verb in _DOOR:
                self._say(_DOOR[verb])
                continue
            if verb == "DATA":
                self._say("354 go on")
                self.server.letters.append(message_from_string(self._letter()))
            self._say("221 bye" if verb == "QUIT" else "250 fine")
            if verb == "QUIT":
                return

    def _letter(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line.removeprefix("."))
        return "\n".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    """Let a server answer inside the block."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def hanging() -> Iterator[tuple[str, Event]]:
    """Give a place that takes connections and never answers, and an event that is set when one has come."""
    came = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            try:
                kept.append(server.accept()[0])
            except OSError:
                return
            came.set()

        kept: list[socket.socket] = []
        Thread(target=take, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", came
        for connection in kept:
            connection.close()
