"""Alerts and channels from the command line: what is wrong, who was told, and whether a channel works."""

import json

import pytest

from tests.alerts.servers import Webhook, serving
from tests.shell import forked, inside, one_sentence


@pytest.fixture
def here(monkeypatch):
    return inside(monkeypatch)


def test_alerts_are_told_with_where_they_stand_and_what_channels_were_told(here, watched, free):
    free(100)
    watched.look()
    (found,) = json.loads(here(watched.house, "alerts", "--json").stdout)

    assert (found["state"], found["rule"], found["severity"]) == ("open", "disk_low", "error")
    assert found["delivered"] == ["desk fired: waiting"]


def test_a_line_of_the_table_says_nothing_twice(here, watched, free):
    free(100)
    watched.look()
    head, line = here(watched.house, "alerts").stdout.splitlines()

    assert head.split() == ["id", "state", "severity", "what", "fired_at", "delivered"]
    assert "The disk is nearly full: 100 MiB are free" in line
    assert "disk_low" not in line


def test_an_alert_is_acknowledged_and_silenced_by_its_number(here, watched, free):
    free(100)
    watched.look()
    silenced = here(watched.house, "alert", "silence", "1", "--minutes", "60", "--reason", "a new disk comes")
    between = json.loads(here(watched.house, "alerts", "--json").stdout)[0]["state"]
    here(watched.house, "alert", "ack", "1")

    assert silenced.exit_code == 0, silenced.stderr
    assert between == "silenced"
    assert json.loads(here(watched.house, "alerts", "--json").stdout)[0]["state"] == "acknowledged"


def test_a_rule_is_silenced_before_anything_breaks_it(here, watched, free):
    silenced = here(watched.house, "alert", "silence", "--rule", "disk_low", "--minutes", "60", "--reason", "a new disk comes", "--json")
    free(100)
    watched.look()

    assert json.loads(silenced.stdout)["rule"] == "disk_low"
    assert json.loads(here(watched.house, "alerts", "--json").stdout)[0]["state"] == "silenced"
    assert watched.told() == []


def test_a_silence_is_listed_with_its_reason_and_lifted_by_its_number(here, watched, free):
    here(watched.house, "alert", "silence", "--rule", "disk_low", "--of", "home", "--reason", "a new disk comes")
    free(100)
    watched.look()
    (held,) = json.loads(here(watched.house, "alert", "silences", "--json").stdout)
    lifted = here(watched.house, "alert", "lift", str(held["id"]))
    watched.look()

    assert (held["rule"], held["of"], held["reason"]) == ("disk_low", "home", "a new disk comes")
    assert lifted.exit_code == 0, lifted.stderr
    assert json.loads(here(watched.house, "alert", "silences", "--json").stdout) == []
    assert watched.told() == [("desk", "fired", "waiting")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alert", "lift", "9"], "there is no silence 9; list those that hold"),
        (
            ["alert", "silence", "--rule", "disk_low", "--of", "x" * 33, "--reason", "why"],
            "no alert is about anything that has more than 32",
        ),
        (["alert", "silence", "--reason", "why"], "name either an alert by its number, or a rule"),
        (["alert", "silence", "1", "--rule", "disk_low", "--reason", "why"], "name either an alert by its number, or a rule"),
        (["alert", "silence", "--rule", "joy", "--reason", "why"], "there is no rule 'joy'"),
        (["alert", "ack", "9"], "there is no alert 9"),
        (["alert", "silence", "9", "--reason", "why"], "there is no alert 9"),
        (["channels", "--test", "nobody"], "there is no channel 'nobody'; there are: desk"),
    ],
)
def test_what_is_not_there_is_named(here, watched, arguments, said):
    shown = here(watched.house, *arguments)

    assert shown.exit_code == 2
    assert said in shown.stderr


def test_channels_are_listed_without_their_secrets(here, watched):
    shown = here(watched.house, "channels", "--json")

    assert json.loads(shown.stdout) == [
        {"name": "desk", "service": "json", "severity": "warning", "wants": ["escalated", "fired", "resolved"], "quiet_hours": "none"}
        | {"trouble": None}
    ]
    assert "secret-of-the-desk" not in shown.stdout


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("foo://hunter2secret@x", "channel desk: Apprise knows no service foo://; use mailtos://, slack://"),
        ("slack://hunter2secret", "channel desk: a URL of slack:// is written in another way"),
        ("hunter2secret", "channel desk: its URL names no service; it begins with mailtos://"),
        ("json://x/${NOT_SET_ANYWHERE}", "channel desk: NOT_SET_ANYWHERE not set in the environment"),
    ],
)
def test_a_channel_that_cannot_work_is_named_with_what_to_do_and_is_a_finding_of_the_doctor(here, watched, url, said):
    watched.channels(f'[[channel]]\nname = "desk"\nurl = "{url}"\n')
    listed, told = here(watched.house, "channels"), json.loads(here(watched.house, "channels", "--json").stdout)
    examined = here(watched.house, "doctor", "--json")
    finding = next(item for item in json.loads(examined.stdout) if item["name"] == "channels")

    assert (listed.exit_code, examined.exit_code, finding["health"]) == (1, 1, "failed")
    assert listed.stderr.startswith(said)
    assert told[0]["trouble"].startswith(said)
    assert finding["observed"].startswith(said)
    assert "hunter2secret" not in listed.stdout + listed.stderr + examined.stdout + str(told)


def test_a_broken_file_of_channels_is_a_sentence_and_a_finding_of_the_doctor(watched):
    watched.channels('[[channel]]\nname = "desk"\nurl = "json://hunter2secret"\nsevrity = "error"\n')
    listed = forked(watched.house, "channels")
    examined = forked(watched.house, "doctor", "--json")
    finding = next(item for item in json.loads(examined.stdout) if item["name"] == "channels")

    assert "channel 1: sevrity: Extra inputs" in one_sentence(listed)
    assert (examined.returncode, finding["health"]) == (1, "failed")
    assert "hunter2secret" not in listed.stderr + examined.stdout + examined.stderr


def test_a_test_of_a_channel_says_by_its_exit_code_whether_it_works(watched):
    with serving(Webhook()) as server:
        watched.channels(f'[[channel]]\nname = "desk"\nurl = "json://{server.place}"\n')
        works = forked(watched.house, "channels", "--test", "desk", "--json")
        server.statuses = [403]
        fails = forked(watched.house, "channels", "--test", "desk", "--json")

    assert (works.returncode, json.loads(works.stdout)["state"]) == (0, "sent")
    assert server.got[0]["title"] == "Test of channel desk"
    assert fails.returncode == 1
    assert "403" in fails.stderr.splitlines()[-1]
