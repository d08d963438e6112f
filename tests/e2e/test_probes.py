"""What a real server answers beside the pages, to whom, and on which address."""

from pathlib import Path

import pytest

from tests.e2e.server import eventually

LOOPBACK, LISTENING = "0100007F", "0A"  # as the kernel writes them


@pytest.fixture(scope="module")
def console(start):
    return start(first_backfill_sessions=0)


@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready", "/healthz"])
def test_a_console_with_its_runner_answers_its_probes(path, console):
    eventually(lambda: console.status(path) == 200, what=f"{path} answers 200")


@pytest.mark.parametrize("path", ["/", "/runs", "/healthz/live", "/_stcore/health"])
def test_every_answer_carries_the_security_headers(path, console):
    status, headers = console.answer(path)

    assert status == 200
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/healthz/live", "/_stcore/health"])
def test_a_foreign_host_name_is_refused(path, console):
    assert console.status(path, Host="evil.example") == 421


def test_the_console_listens_on_this_machine_alone(console):
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    addresses = [row[1].split(":") for row in rows if row[3] == LISTENING]

    assert [address for address, port in addresses if int(port, 16) == console.port] == [LOOPBACK]
