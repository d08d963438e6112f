"""What request keys were used for."""

from datetime import datetime

from sqlalchemy import Connection, insert, select

from storage.tables import RequestKey

request_keys = RequestKey.__table__


def first_use(connection: Connection, key: str, *, command: str, digest: str, at: datetime) -> tuple[str, str]:
    """Return command and digest of parameters that a key was used with first: these, unless there is an earlier use."""
    found = connection.execute(select(request_keys.c.command, request_keys.c.digest).where(request_keys.c.key == key)).one_or_none()
    if found is not None:
        return found.command, found.digest
    connection.execute(insert(request_keys), {"key": key, "command": command, "digest": digest, "at": at})
    return command, digest
