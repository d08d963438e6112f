"""A session of the stream, worked on in this process."""

from collections.abc import Iterator

import pytest

from tests.stream.session import Stream


@pytest.fixture
def stream(tmp_path) -> Iterator[Stream]:
    """A home with one claimed session, of which nothing has come yet."""
    built = Stream(tmp_path)
    yield built
    built.runtime.database.close()
