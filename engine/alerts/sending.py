"""Sends one message by Apprise, and says in words that hold no secret why it could not."""

import logging
import re
from collections.abc import Iterable
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import unquote

from engine.alerts.channels import Channel
from engine.alerts.messages import Message
from engine.errors import ChannelsError, ConsoleError
from storage.status import AlertSeverity, NotificationKind

PATIENCE = 30.0  # seconds in which a service has to answer
MASK = "***"
DOCUMENTED = "https://github.com/caronc/apprise"
WAYS = f"mailtos://, slack://, msteams://, tgram://, pagerduty://, json:// or jsons:// (webhooks), or another of {DOCUMENTED}"
_CAUSE = "Socket Exception: "  # by which Apprise says to debuggers alone why: a password that is wrong, a name that is not known
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
                return _unusable(target)
            notify_type = "success" if kind is NotificationKind.RESOLVED else _TYPES[message.severity]
            if services.notify(body=message.body, title=message.title, notify_type=notify_type, body_format="text"):
                return None
        except Exception as error:  # noqa: BLE001, a plugin of another project: whatever it is, it was not delivered
            heard.append(f"{type(error).__name__}: {error}")
    return masked("; ".join(dict.fromkeys(heard)) or "the service refused it and said no reason", target)


def trouble(channel: Channel) -> str | None:
    """Return why nothing can be sent to a channel as its URL stands, masked, or None; nothing is sent."""
    import apprise  # noqa: PLC0415, for those who ask

    try:
        target = channel.target()
    except ChannelsError as error:
        return str(error)
    with _listening([]):
        return None if apprise.Apprise().add(target) else f"channel {channel.name}: {_unusable(target)}"


def _unusable(target: str) -> str:
    """Say what is wrong with a URL that Apprise does not take; of it stands there only the name of its service."""
    from apprise import manager_plugins  # noqa: PLC0415, for those who deliver only

    scheme, mark, _ = target.partition("://")
    if not mark or not scheme.isalnum():
        return f"its URL names no service; it begins with {WAYS}"
    plugins: Any = manager_plugins  # half of Apprise is typed
    if scheme.lower() in plugins.NotificationManager().schemas():
        return f"a URL of {scheme.lower()}:// is written in another way; see {DOCUMENTED}"
    return f"Apprise knows no service {scheme.lower()}://; use {WAYS}"


@contextmanager
def _listening(heard: list[str]) -> Any:
    """Collect what libraries warn of, which nobody else shall see: it may hold secrets."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said = record.getMessage()
            if record.levelno >= logging.WARNING or said.startswith(_CAUSE):
                heard.append(_innermost(said.removeprefix(_CAUSE)) if said.startswith(_CAUSE) else said)

    root, ear, apprise_log = logging.getLogger(), Ear(), logging.getLogger("apprise")
    root.addHandler(ear)  # with a handler of its own the root prints nothing
    was = apprise_log.propagate, apprise_log.level
    apprise_log.propagate = True
    apprise_log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(ear)
        apprise_log.propagate = was[0]
        apprise_log.setLevel(was[1])


def _innermost(cause: str) -> str:
    """Return what is at the bottom of a network error that names each layer it went through: the connection was refused."""
    return cause.rpartition("): ")[2].removesuffix('"))')


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
