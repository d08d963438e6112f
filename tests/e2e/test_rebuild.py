"""A past session in the browser: rebuilt with the lab's limits, compared, promoted so that its alert is gone, and taken back."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from storage.status import RunStatus
from tests.e2e.server import eventually
from tests.e2e.test_stream import DAY, floorsheet


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A source that holds one floorsheet and no daily file."""
    root = tmp_path_factory.mktemp("files")
    (root / "daily").mkdir()
    (root / "floorsheet").mkdir()
    (root / "floorsheet" / f"{DAY}.csv.gz").write_bytes(floorsheet(DAY))
    return root


@pytest.fixture(scope="module")
def console(folder, start):
    return start(source="files", source_dir=folder, first_backfill_sessions=0)


def test_a_version_with_the_labs_limit_is_built_promoted_and_taken_back(console, store, tab):
    run_id = store.services.start_stream(DAY).run_id
    eventually(lambda: store.status(run_id) == RunStatus.SUCCEEDED, what="the session is over")
    page = tab(f"{console.url}/replay_lab?moving_average.alert_above=9")
    page.get_by_role("button", name="Rebuild with B…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Takes 1 session with 400 records.")).to_be_visible()
    dialog.get_by_label("Reason").fill("eight percent is usual")
    dialog.get_by_role("button", name="Rebuild", exact=True).click()
    expect(page.get_by_text("Version 1 is being built: 1 session.")).to_be_visible()

    page.goto(f"{console.url}/rebuild")
    differs = page.get_by_text("Version 1 differs from what is served in 1 alert.")
    expect(differs).to_be_visible(timeout=90_000)  # a job yields to all else on the machine
    page.get_by_role("button", name="Promote…").click()
    page.get_by_role("dialog").get_by_role("button", name="Promote", exact=True).click()
    expect(page.get_by_text("Version 1 is served, promoted by console")).to_be_visible()
    assert served_alerts(store) == 0

    page.get_by_role("button", name="Take back…").click()
    page.get_by_role("dialog").get_by_role("button", name="Take it back").click()
    expect(differs).to_be_visible()
    assert served_alerts(store) == 1


def served_alerts(store) -> int:
    with store.runtime.database.reading() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM tick_alert").scalar_one()
