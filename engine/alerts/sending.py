"""Sends one message by Apprise, and says in words that hold no secret why it could not."""

import logging
import re
from collections.abc import Iterable
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import unquote

from engine.alerts.messages import Message
from engine.errors import ConsoleError
from storage.status import AlertSeverity, NotificationKind

PATIENCE = 30.0  # seconds in which a service has to answer
MASK = "***"
_TOLD = 300  # characters of what a library says
_WORD = 4  # characters: a shorter piece is masked where it stands as a word of its own
_TYPES = {AlertSeverity.ERROR: "failure", AlertSeverity.WARNING: "warning", AlertSeverity.INFO: "info"}


class NotDelivered(ConsoleError):
    """A service did not take a message; the text holds no secret."""


class NoAnswer(NotDelivered):
    """A service did not answer in time; whatever it does goes on in a thread that nobody can end."""


def send(target: str, message: Message, kind: NotificationKind) -> None:
    """Send a message to an Apprise URL; raises `NotDelivered`, and `NoAnswer` after `PATIENCE`."""
    answers: SimpleQueue[str | None] = SimpleQueue()
    thread = Thread(target=lambda: answers.put(_sent(target, message, kind)), name="send", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        raise NoAnswer(f"no answer within {PATIENCE:g} s")
    if (trouble := answers.get()) is not None:
        raise NotDelivered(trouble)


def _sent(target: str, message: Message, kind: NotificationKind) -> str | None:
    """Send a message; return what is wrong, masked, or None."""
    import apprise  # noqa: PLC0415, for those who deliver only

    heard: list[str] = []
    with _listening(heard):
        try:
            services = apprise.Apprise()
            if not services.add(target):
                return "the URL is none that Apprise knows; see its documentation for the service"
            notify_type = "success" if kind is NotificationKind.RESOLVED else _TYPES[message.severity]
            if services.notify(body=message.body, title=message.title, notify_type=notify_type, body_format="text"):
                return None
        except Exception as error:  # noqa: BLE001, a plugin of another project: whatever it is, it was not delivered
            heard.append(f"{type(error).__name__}: {error}")
    return masked("; ".join(dict.fromkeys(heard)) or "the service refused it and said no reason", target)


@contextmanager
def _listening(heard: list[str]) -> Any:
    """Collect what libraries warn of, which nobody else shall see: it may hold secrets."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    root, ear, apprise_log = logging.getLogger(), Ear(logging.WARNING), logging.getLogger("apprise")
    root.addHandler(ear)  # with a handler of its own the root prints nothing
    was, apprise_log.propagate = apprise_log.propagate, True
    try:
        yield
    finally:
        root.removeHandler(ear)
        apprise_log.propagate = was


def masked(text: str, target: str) -> str:
    """Return a text in which no part of an Apprise URL stands but its scheme."""
    pieces = sorted({piece for piece in _pieces(target) if piece}, key=len, reverse=True)
    for piece in pieces:
        pattern = re.escape(piece) if len(piece) >= _WORD else rf"(?<!\w){re.escape(piece)}(?!\w)"
        text = re.sub(pattern, MASK, text, flags=re.IGNORECASE)
    text = re.sub(rf"{re.escape(MASK)}(?:[\W_]*{re.escape(MASK)})+", MASK, text)
    return text if len(text) <= _TOLD else f"{text[: _TOLD - 1]}…"


def _pieces(target: str) -> Iterable[str]:
    _, _, rest = target.partition("://")
    yield target
    yield rest
    for cut in (r"[/?&]", r"[/?&=@]", r"[/?&=@:,;#]"):
        for piece in re.split(cut, rest):
            yield piece
            yield unquote(piece)
