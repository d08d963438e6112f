"""Brings a database to the schema of this code, and refuses one that is newer."""

from pathlib import Path

from sqlalchemy import inspect, text

from storage.database import Database, DatabaseRefused

FOLDER = Path(__file__).parent / "migrations"
HEAD = "0019"  # the newest revision under migrations/versions


def schema_version(database: Database) -> str | None:
    """Return the revision that the database is at; None for an empty one."""
    with database.reading() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def migrate(database: Database) -> None:
    """Upgrade to `HEAD` in one transaction (a kill in the middle leaves the schema as it was); does nothing when it is there.

    Raises `DatabaseRefused` for a database that a newer version of the product has written.
    """
    found = schema_version(database)
    if found == HEAD:
        return
    from alembic import command, config, script  # noqa: PLC0415, 0.2 s that an up-to-date start does not pay

    settings = config.Config()
    settings.set_main_option("script_location", str(FOLDER))
    known = {revision.revision for revision in script.ScriptDirectory.from_config(settings).walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseRefused(
            f"the database is at schema {found}, which this version does not know (it knows up to {HEAD}); "
            "start the newer version of the product, or restore a backup made by this one"
        )
    with database.transaction() as connection:
        database.serialise(connection, "migrate")
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
