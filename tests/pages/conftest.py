"""A console over a store of the state gallery, without a server."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from shutil import copytree

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

import engine.runtime
from engine.runtime import Runtime
from pages.ui.shared import forget
from tests.pages.gallery import STATES, Store
from tests.pages.gallery_drift import DRIFT_STATES
from tests.pages.gallery_letters import LETTER_STATES
from tests.pages.gallery_operations import OPERATION_STATES
from tests.pages.gallery_stream import STREAM_STATES

ROUTER = Path(__file__).resolve().parents[2] / "pages" / "router.py"


def use(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a home the one that the pages read; what they kept of another one is forgotten."""
    monkeypatch.setattr(engine.runtime, "runtime", lambda: runtime)
    forget()
    st.cache_resource.clear()


@pytest.fixture(scope="session")
def filled(tmp_path_factory) -> Callable[[str], Path]:
    """The home of a store in a state, filled once and then only copied: hundreds of tests look at the same few."""

    @cache
    def fill(state: str) -> Path:
        home: Path = tmp_path_factory.mktemp(state) / "home"
        store = Store(home)
        (STATES | LETTER_STATES | STREAM_STATES | OPERATION_STATES | DRIFT_STATES)[state](store)
        store.database.close()
        return home

    return fill


@pytest.fixture
def open_store(filled, tmp_path, monkeypatch) -> Iterator[Callable[[str], Store]]:
    """Take a store in a state and make it the one that the pages read."""
    with ExitStack() as opened:

        def take(state: str) -> Store:
            copytree(filled(state), tmp_path / "home")
            store = Store(tmp_path / "home")
            opened.callback(store.database.close)
            use(store.runtime, monkeypatch)
            return store

        yield take
        forget()


@pytest.fixture(scope="session", autouse=True)
def one_scan_of_installed_packages() -> Iterator[None]:
    """Let Streamlit's harness look once for components of other packages; it reads what is installed anew for each page that is opened."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(autouse=True)
def main_module(monkeypatch) -> None:
    """Give the process its main module back: Streamlit puts the page there, and processes that tests fork later would begin as it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def visit() -> Callable[..., AppTest]:
    """Open a page as a browser does, by its script and query parameters."""

    def go(page: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROUTER), default_timeout=30)
        if page != "overview.py":
            app.switch_page(page)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return go


def asked(script: Callable[..., object], *arguments: object) -> AppTest:
    """Open a dialog as a script of its own does: the harness forgets an open one at the next click, the script asks again at each run."""
    return AppTest.from_function(script, args=arguments, default_timeout=30).run()


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
