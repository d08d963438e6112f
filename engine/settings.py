"""What one machine differs in; the only reader of the environment."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import SettingsError

_OF_OTHERS = {"NEPSE_REAL_DATA", "NEPSE_TEST_POSTGRESQL"}  # of tests and benchmarks
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class SourceName(StrEnum):
    """Where daily files come from."""

    SIMULATED = "simulated"  # the embedded, seeded exchange
    FILES = "files"  # a folder in the layout of the real data set


class TicksName(StrEnum):
    """Where ticks come from."""

    SIMULATED = "simulated"  # the embedded exchange, live and replayed
    FLOORSHEET = "floorsheet"  # floorsheets in the folder of the daily files, replayed
    KAFKA = "kafka"
    REDIS = "redis"


class LogName(StrEnum):
    """What keeps the tick log of open sessions."""

    EMBEDDED = "embedded"  # the console's own database
    KAFKA = "kafka"
    REDIS = "redis"


class Settings(BaseSettings):
    """Everything that is set from outside, each as `NEPSE_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="NEPSE_", env_ignore_empty=True, frozen=True, extra="ignore")

    source: SourceName = Field(SourceName.SIMULATED, description="`simulated` or `files`.")
    home: Path = Field(
        default_factory=lambda others: Path("var") if others.get("source") is SourceName.SIMULATED else Path("var/files"),
        description="The one folder that holds everything: database, lake, logs. With `files` the default is `./var/files`.",
    )
    source_dir: Path | None = Field(None, description="With `files`: the folder that holds `daily/` and the optional reference folders.")
    database_url: str | None = Field(None, description="Default: SQLite in the home. PostgreSQL: `postgresql+psycopg://...`.")
    durability: str = Field(
        "normal", pattern="^(normal|full)$", description="SQLite only: `full` also survives a power cut of the last commits."
    )
    simulated_seed: int = Field(9, ge=0, description="Seed of the simulated exchange; the same seed gives the same bytes.")
    first_backfill_sessions: int = Field(60, ge=0, le=400, description="Newest sessions that an empty home backfills by itself; 0: none.")
    backup_dir: Path | None = Field(None, description="Where backups go, best on another disk. Default: `backups` in the home.")
    backup_minutes: int = Field(15, ge=0, le=10_080, description="Minutes between two backups by schedule; 0: none by schedule.")
    backup_keep: int = Field(12, ge=1, le=10_000, description="Newest backups that are kept; the newest verified one always is.")
    cold: str | None = Field(
        None,
        pattern=r"^(/|\.|~|[A-Za-z0-9]+://)",
        description="Where old packs go: a folder on a slow disk, or a bucket by its URL (`s3://bucket/prefix`).",
    )
    runner: str = Field("embedded", pattern="^(embedded|external)$", description="`external`: the console starts no runner of its own.")
    ticks: TicksName = Field(
        default_factory=lambda others: TicksName.FLOORSHEET if others.get("source") is SourceName.FILES else TicksName.SIMULATED,
        description="`simulated`, `floorsheet`, `kafka` or `redis`. With `files` the default is `floorsheet`, else `simulated`.",
    )
    tick_speed: str = Field(
        "60", pattern="^([1-9][0-9]{0,4}|max)$", description="How many times as fast a past session is replayed, 1 to 99999, or `max`."
    )
    tick_log: LogName = Field(
        LogName.EMBEDDED, description="What keeps the tick log of open sessions: `embedded` (the database), `kafka` or `redis`."
    )
    kafka_servers: str | None = Field(None, description="With `kafka`: `host:port`, several with commas.")
    kafka_topic: str = Field("nepse-ticks", description="With `kafka`: the topic.")
    kafka_security: str = Field("plaintext", pattern="^(plaintext|ssl|sasl_plaintext|sasl_ssl)$", description="With `kafka`: the protocol.")
    kafka_user: str | None = Field(None, description="With `kafka` and `sasl_...`: the user (mechanism PLAIN).")
    kafka_password: SecretStr | None = Field(None, description="With `kafka` and `sasl_...`: the password.")
    redis_url: SecretStr | None = Field(None, description="With `redis`: `redis://user:password@host:port/0`, or `rediss://`.")
    redis_stream: str = Field("nepse-ticks", description="With `redis`: the stream's key.")
    channels: Path | None = Field(None, description="Who is told of alerts, and how. Default: `channels.toml` in the home.")
    console_url: str | None = Field(
        None, pattern="^https?://[^ ]+$", description="The console's address in messages. Default: `http://HOST:PORT`."
    )
    host: str = Field("127.0.0.1", description="Address the console listens on.")
    port: int = Field(8501, ge=1, le=65535, description="Port the console listens on.")

    @model_validator(mode="after")
    def _files_need_a_folder(self) -> Self:
        if self.source is SourceName.FILES and self.source_dir is None:
            message = "NEPSE_SOURCE=files needs NEPSE_SOURCE_DIR: the folder that holds daily/"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _ticks_need_an_address(self) -> Self:
        servers, url = (
            ("NEPSE_KAFKA_SERVERS, as host:port", self.kafka_servers),
            ("NEPSE_REDIS_URL, as redis://host:port/0", self.redis_url),
        )
        folder = "NEPSE_SOURCE_DIR, the folder that holds floorsheet/", self.source_dir
        ticks = {TicksName.FLOORSHEET: folder, TicksName.KAFKA: servers, TicksName.REDIS: url}
        log = {LogName.KAFKA: servers, LogName.REDIS: url}
        chosen = ("NEPSE_TICKS", self.ticks, ticks.get(self.ticks)), ("NEPSE_TICK_LOG", self.tick_log, log.get(self.tick_log))
        for setting, name, need in chosen:
            if need is not None and need[1] is None:
                message = f"{setting}={name} needs {need[0]}"
                raise ValueError(message)
        if (self.ticks is TicksName.SIMULATED) != (self.source is SourceName.SIMULATED):
            message = f"NEPSE_TICKS={self.ticks} and NEPSE_SOURCE={self.source} would mix simulated and real data in one home"
            raise ValueError(message)
        return self

    @property
    def kafka_options(self) -> dict[str, str]:
        """How to speak to Kafka, in the words of its client; with the password, so not for any log."""
        options = {"security.protocol": self.kafka_security}
        if self.kafka_user is not None and self.kafka_password is not None:
            options |= {
                "sasl.mechanism": "PLAIN",
                "sasl.username": self.kafka_user,
                "sasl.password": self.kafka_password.get_secret_value(),
            }
        return options

    @property
    def lake(self) -> Path:
        """The folder of the lake's files."""
        return self.home / "lake"

    @property
    def backups(self) -> Path:
        """The folder of the backups."""
        return self.backup_dir or self.home / "backups"

    @property
    def cold_root(self) -> str | None:
        """Where old packs go: a URL, or the whole path of a folder."""
        return self.cold if self.cold is None or "://" in self.cold else str(Path(self.cold).expanduser().absolute())

    @property
    def channels_file(self) -> Path:
        """The file that names the channels; it need not be there."""
        return self.channels or self.home / "channels.toml"

    @property
    def address(self) -> str:
        """Where the console is found, without a slash at its end."""
        return (self.console_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def url(self) -> str:
        """The database to use, as a SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'console.db'}"


def load() -> Settings:
    """Read the environment; raises `SettingsError` that names each wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(f"Settings are wrong. {'; '.join(_wrong(error))}") from error


def _wrong(error: ValidationError) -> Iterator[str]:
    """Say what is wrong with each variable that was set; defaults that could not follow from a wrong one are not at fault."""
    for found in error.errors():
        if found["type"] == "default_factory_not_called":
            continue
        said = str(found["ctx"]["error"]) if found["type"] == "value_error" else found["msg"]
        named = "_".join(str(part) for part in found["loc"]).upper()
        yield f"NEPSE_{named}: {said}, not {str(found['input'])!r}" if named else said


def idle() -> Mapping[str, str]:
    """Return the variables `NEPSE_...` of the environment that change nothing, each with the reason."""
    known = {f"NEPSE_{name.upper()}" for name in Settings.model_fields}
    why = {}
    for name in sorted(os.environ):
        if name.startswith("NEPSE_") and name not in known and name not in _OF_OTHERS:
            near = get_close_matches(name, known, n=1)
            why[name] = f"no setting has this name{f'; {near[0]} was meant?' if near else ''}"
    if os.environ.get("NEPSE_SOURCE_DIR") and os.environ.get("NEPSE_SOURCE", SourceName.SIMULATED) == SourceName.SIMULATED:
        why["NEPSE_SOURCE_DIR"] = "the source is the simulated exchange; set NEPSE_SOURCE=files to read that folder"
    return why


def expanded(text: str, *, encode: Callable[[str], str] = str) -> str:
    """Return a text with every `${NAME}` replaced by that variable, encoded; raises `SettingsError` that names those that are not set."""
    missing = sorted({name for name in _VARIABLE.findall(text) if not os.environ.get(name)})
    if missing:
        raise SettingsError(f"{' and '.join(missing)} not set in the environment of this process")
    return _VARIABLE.sub(lambda found: encode(os.environ[found[1]]), text)
