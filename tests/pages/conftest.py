"""A console over a store of the state gallery, without a server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import engine.runtime
from pages.ui.shared import forget
from tests.pages.gallery import STATES, Store
from tests.pages.gallery_letters import LETTER_STATES
from tests.pages.gallery_stream import STREAM_STATES

ROUTER = Path(__file__).resolve().parents[2] / "pages" / "router.py"


@pytest.fixture
def open_store(tmp_path, monkeypatch) -> Iterator[Callable[[str], Store]]:
    """Fill a store with a state and make it the one that the pages read."""

    def fill(state: str) -> Store:
        store = Store(tmp_path / "home")
        (STATES | LETTER_STATES | STREAM_STATES)[state](store)
        monkeypatch.setattr(engine.runtime, "runtime", lambda: store.runtime)
        forget()
        return store

    yield fill
    forget()


@pytest.fixture
def visit() -> Callable[..., AppTest]:
    """Open a page as a browser does, by its script and query parameters."""

    def go(page: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROUTER), default_timeout=30)
        app.run()
        if page != "overview.py":
            app.switch_page(page)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return go


def text_of(app: AppTest) -> str:
    """Return everything that a page says, one part a line."""
    parts = [
        element.value
        for kind in ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success")
        for element in app.get(kind)
    ]
    parts += [f"{metric.label} {metric.value} {metric.delta}" for metric in app.metric]
    parts += [progress.text for progress in app.progress]
    parts += [button.label for button in app.button] + [link.value for link in app.get("page_link")]
    return "\n".join(str(part) for part in parts).replace("\\", "")  # marks of data are escaped
