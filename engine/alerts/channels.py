"""Channels: who is told of alerts, and how, from a file that is the operator's own.

    [[channel]]
    name = "desk"
    url = "mailtos://${SMTP_USER}:${SMTP_PASSWORD}@example.com?to=desk@example.com"
    severity = "warning"
    quiet = "22:00-06:00"
    wants = ["fired", "resolved", "escalated", "report"]

A URL is a secret as a whole: it goes to no database, log, page or message, and no error of this module holds a part of it.
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from engine.clock import NEPAL, nepal_date, nepal_time
from engine.errors import ChannelsError, SettingsError
from engine.settings import Settings, expanded
from storage.status import AlertSeverity, NotificationKind

USUAL = (NotificationKind.FIRED, NotificationKind.RESOLVED, NotificationKind.ESCALATED)  # reports are turned on
MOST = 50  # channels


def _quiet(text: Any) -> Any:
    """Read quiet hours: `22:00-06:00`."""
    if not isinstance(text, str):
        return text
    begin, dash, end = text.partition("-")
    try:
        span = time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError as error:
        raise ValueError("quiet hours are written as 22:00-06:00, in Nepal time") from error
    if not dash or span[0] == span[1]:
        raise ValueError("quiet hours are written as 22:00-06:00, in Nepal time, and end at another time than they begin")
    return span


class Channel(BaseModel):
    """One channel of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,31}$")
    url: SecretStr
    severity: AlertSeverity = AlertSeverity.WARNING  # and what is graver
    quiet: Annotated[tuple[time, time] | None, BeforeValidator(_quiet)] = None
    wants: frozenset[NotificationKind] = frozenset(USUAL)

    @property
    def kind(self) -> str:
        """The service behind it, as Apprise names it (`mailtos`, `slack`, ...): all of the URL that is no secret."""
        scheme, mark, _ = self.url.get_secret_value().partition("://")
        return scheme.lower() if mark and scheme.isalnum() else "from the environment"

    def target(self) -> str:
        """Return the URL to send to, with variables filled in; raises `ChannelsError` that names those that are not set."""
        raw = self.url.get_secret_value()
        whole = raw.startswith("${") and raw.endswith("}") and raw.count("${") == 1  # a variable that holds a URL is one already
        try:
            return expanded(raw, encode=str if whole else lambda value: quote(value, safe=""))
        except SettingsError as error:
            raise ChannelsError(f"channel {self.name}: {error}; set it for the runner, and start the runner again") from error

    def hears(self, kind: NotificationKind, severity: AlertSeverity) -> bool:
        """Say whether it is told of this."""
        if kind is NotificationKind.TEST:
            return True
        return kind in self.wants and (kind is NotificationKind.REPORT or severity.rank <= self.severity.rank)

    def opens(self, now: datetime) -> datetime:
        """Return when it may be told something: now, or at the end of its quiet hours."""
        if self.quiet is None:
            return now
        today = nepal_date(now)
        for day in (today - timedelta(days=1), today):  # hours that began yesterday may not be over
            begin, end = (nepal_time(day, hour.hour, hour.minute) for hour in self.quiet)
            end += timedelta(days=end <= begin)
            if begin <= now < end:
                return end
        return now

    def hours(self) -> str:
        """Return its quiet hours in words."""
        return "none" if self.quiet is None else "-".join(f"{hour:%H:%M}" for hour in self.quiet) + f" {NEPAL.key.split('/')[-1]}"


def channels_of(settings: Settings) -> Mapping[str, Channel]:
    """Return the channels by their names, none where there is no file; raises `ChannelsError` that says what to mend, and where."""
    file = settings.channels_file
    try:
        read = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if settings.channels is not None:
            raise ChannelsError(f"there is no file {file}, which NEPSE_CHANNELS names") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ChannelsError(f"{file} cannot be read: {type(error).__name__}. Let this user read it, as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ChannelsError(f"{file} is no TOML: {_place(error)}") from None
    strange = sorted(set(read) - {"channel"})
    listed = read.get("channel", [])
    if strange or not isinstance(listed, list) or len(listed) > MOST:
        raise ChannelsError(f"{file} holds nothing but [[channel]] tables, {MOST} at most; see docs/monitoring.md")
    found = [_channel(entry, f"{file}, channel {number}") for number, entry in enumerate(listed, start=1)]
    named = {channel.name: channel for channel in found}
    if len(named) < len(found):
        raise ChannelsError(f"{file}: two channels have the same name")
    return named


def _channel(entry: Any, where: str) -> Channel:
    try:
        return Channel.model_validate(entry)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc'])) or 'entry'}: {e['msg']}" for e in error.errors(include_input=False, include_url=False)]
        raise ChannelsError(f"{where}: {'; '.join(wrong)}") from None  # the cause would hold what stands in the file


def _place(error: tomllib.TOMLDecodeError) -> str:
    """Return where a file is no TOML, without a word of it."""
    text = str(error)
    at = text.rfind("(at ")
    return f"look {text[at + 1 : -1]}" if at >= 0 else "look at its end"
