"""The composition root: settings become an open database, a lake and a source."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError

from engine import settings as environment
from engine.clock import Clock, SystemClock
from engine.errors import SettingsError
from engine.settings import Settings
from engine.sources import open_source
from engine.sources.source import Source
from storage.database import Database, DatabaseRefused, open_database
from storage.identity import ForeignLake, tie
from storage.lake import Lake
from storage.migrate import migrate
from storage.packs import Catalogued
from storage.tables import LakeFile

HOST = socket.gethostname()
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything that commands, runners and pages work with."""

    settings: Settings
    clock: Clock
    database: Database
    lake: Lake
    source: Source
    opened_at: datetime | None = None  # by this process; None where a test put it together

    @property
    def simulated(self) -> bool:
        """Whether the data are made up by the simulated exchange."""
        return self.source.simulated


def compose(settings: Settings, clock: Clock | None = None) -> Runtime:
    """Open everything that `settings` names; raises `SettingsError` with what to do when something cannot be opened."""
    clock = clock or SystemClock()
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        _refuse_what_cannot_be_written(home)
        database = open_database(settings.url, durability=settings.durability)
        migrate(database)
        tie(database, settings.lake)
    except DatabaseRefused as error:
        raise SettingsError(str(error)) from error
    except ForeignLake as error:
        database.close()
        raise SettingsError(
            f"NEPSE_HOME={home} is not the home of the database {make_url(settings.url).set(query={}).render_as_string()}: {error}. "
            "Point NEPSE_HOME to the home that this database was made with (restore its lake from a backup if it is gone), "
            "or give this home a fresh database: another one in NEPSE_DATABASE_URL, or this one moved away."
        ) from error
    except (ArgumentError, ModuleNotFoundError) as error:
        raise SettingsError(
            f"NEPSE_DATABASE_URL is no database that this product can use: {error}. "
            "Leave it unset for SQLite in the home, or write postgresql+psycopg://user@host/name."
        ) from error
    except DBAPIError as error:
        raise SettingsError(f"The database of NEPSE_HOME={home} cannot be used: {error.orig}. {_advice(settings)}") from error
    except OSError as error:
        raise SettingsError(f"NEPSE_HOME={home} cannot be used: {error}. Choose a folder that this user may write.") from error
    lake = Lake(settings.lake, Catalogued(database.reading))
    opened = Runtime(settings, clock, database, lake, open_source(settings, clock), opened_at=clock.now())
    _refuse_a_mixture(opened)
    return opened


def _refuse_what_cannot_be_written(home: Path) -> None:
    """Refuse a home on a disk that is mounted read-only, or that this user may not write: some reads would work, and no run would."""
    if not os.access(home, os.W_OK | os.X_OK):
        raise SettingsError(
            f"NEPSE_HOME={home} cannot be written: its disk is mounted read-only, or this user has no right to. "
            "Mount it writable or give this user the right, or choose another NEPSE_HOME."
        )


def _advice(settings: Settings) -> str:
    if settings.url.startswith("sqlite"):
        return "Is its folder writable, and no other program in the middle of a long write? `python -m engine doctor` looks further."
    return "Is the server of NEPSE_DATABASE_URL up, and may this user connect?"


def _refuse_a_mixture(opened: Runtime) -> None:
    """Refuse a home whose files come from the simulated exchange when the source is real, and the other way round."""
    with opened.database.reading() as connection:
        simulated = connection.execute(select(LakeFile.__table__.c.simulated).limit(1)).scalar_one_or_none()
    if simulated is not None and bool(simulated) != opened.simulated:
        opened.database.close()
        holds = "data of the simulated exchange" if simulated else "real data"
        raise SettingsError(
            f"NEPSE_HOME={opened.settings.home} holds {holds}, and NEPSE_SOURCE={opened.settings.source} would mix in "
            f"{'real' if simulated else 'simulated'} ones. Choose another NEPSE_HOME, or the source that it was made with."
        )


@cache
def runtime() -> Runtime:
    """Return the runtime of this process, made from the environment on the first call."""
    return compose(environment.load())


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a process that shall work in the same home, wherever it is started."""
    own = {
        "NEPSE_HOME": str(settings.home.absolute()),
        "NEPSE_SOURCE": settings.source.value,
        "NEPSE_DATABASE_URL": settings.url,
        "NEPSE_DURABILITY": settings.durability,
        "NEPSE_SIMULATED_SEED": str(settings.simulated_seed),
        "NEPSE_BACKUP_DIR": str(settings.backups.absolute()),
        "NEPSE_BACKUP_MINUTES": str(settings.backup_minutes),
        "NEPSE_BACKUP_KEEP": str(settings.backup_keep),
    }
    own |= {
        "NEPSE_TICKS": settings.ticks.value,
        "NEPSE_TICK_SPEED": settings.tick_speed,
        "NEPSE_TICK_LOG": settings.tick_log.value,
        "NEPSE_KAFKA_TOPIC": settings.kafka_topic,
        "NEPSE_KAFKA_SECURITY": settings.kafka_security,
        "NEPSE_REDIS_STREAM": settings.redis_stream,
    }
    optional = {
        "NEPSE_CHANNELS": None if settings.channels is None else str(settings.channels.absolute()),
        "NEPSE_CONSOLE_URL": settings.console_url,
        "NEPSE_COLD": settings.cold_root,
        "NEPSE_SOURCE_DIR": None if settings.source_dir is None else str(settings.source_dir.absolute()),
        "NEPSE_KAFKA_SERVERS": settings.kafka_servers,
        "NEPSE_KAFKA_USER": settings.kafka_user,
        "NEPSE_KAFKA_PASSWORD": None if settings.kafka_password is None else settings.kafka_password.get_secret_value(),
        "NEPSE_REDIS_URL": None if settings.redis_url is None else settings.redis_url.get_secret_value(),
    }
    own |= {name: value for name, value in optional.items() if value is not None}
    return {**os.environ, **own}
