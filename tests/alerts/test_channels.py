"""The file of channels: what it says, what is wrong with it, and that no error holds a secret."""

from datetime import timedelta

import pytest

from engine.alerts.channels import channels_of
from engine.alerts.sending import masked
from engine.clock import nepal_time
from engine.errors import ChannelsError
from engine.settings import Settings
from storage.status import AlertSeverity, NotificationKind
from tests.pipelines.house import SUNDAY

HIDDEN = "hunter2-of-the-desk"
FULL = f"""
[[channel]]
name = "desk"
url = "mailtos://desk:{HIDDEN}@example.com"
severity = "error"
quiet = "22:00-06:00"
wants = ["fired", "report"]

[[channel]]
name = "hook"
url = "json://example.com/${{HOOK_TOKEN}}"
"""


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path)


def written(settings: Settings, text: str):
    settings.channels_file.write_text(text, encoding="utf-8")
    return channels_of(settings)


def test_without_a_file_there_are_no_channels(settings):
    assert channels_of(settings) == {}


def test_a_channel_is_read_with_its_filter_and_hours(settings):
    named = written(settings, FULL)
    desk, hook = named["desk"], named["hook"]

    assert (desk.kind, desk.severity, desk.hours()) == ("mailtos", AlertSeverity.ERROR, "22:00-06:00 Kathmandu")
    assert desk.hears(NotificationKind.FIRED, AlertSeverity.ERROR)
    assert not desk.hears(NotificationKind.FIRED, AlertSeverity.WARNING)
    assert not desk.hears(NotificationKind.RESOLVED, AlertSeverity.ERROR)
    assert desk.hears(NotificationKind.REPORT, AlertSeverity.INFO)
    assert hook.hears(NotificationKind.RESOLVED, AlertSeverity.WARNING)
    assert not hook.hears(NotificationKind.REPORT, AlertSeverity.INFO)
    assert desk.hears(NotificationKind.TEST, AlertSeverity.INFO)


@pytest.mark.parametrize(("hour", "opens"), [(21, 0), (22, 8), (23, 7), (25, 5), (29, 1), (30, 0)])
def test_quiet_hours_over_midnight_end_in_the_morning(settings, hour, opens):
    at = nepal_time(SUNDAY, 0) + timedelta(hours=hour)

    assert written(settings, FULL)["desk"].opens(at) - at == timedelta(hours=opens)


def test_a_variable_is_filled_in_when_it_is_sent_and_encoded(settings, monkeypatch):
    hook = written(settings, FULL)["hook"]
    with pytest.raises(ChannelsError, match="channel hook: HOOK_TOKEN not set in the environment"):
        hook.target()
    monkeypatch.setenv("HOOK_TOKEN", "a/b@c")

    assert hook.target() == "json://example.com/a%2Fb%40c"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'[[channel]]\nname = "a"\nurl = "json://{HIDDEN}', "is no TOML: look at "),
        (f'[[channel]]\nname = "a"\nurl = "{HIDDEN}"\nsevrity = "error"', "channel 1: sevrity: Extra inputs"),
        (f'[[channel]]\nname = "a"\nurl = "{HIDDEN}"\nseverity = "{HIDDEN}"', "channel 1: severity"),
        (f'[[channel]]\nname = "a"\nurl = ["{HIDDEN}"]', "channel 1: url"),
        (f'[[channel]]\nname = "a"\nurl = "{HIDDEN}"\nquiet = "{HIDDEN}"', "22:00-06:00"),
        (f'[[channel]]\nurl = "{HIDDEN}"', "channel 1: name: Field required"),
        (f'channel = ["{HIDDEN}"]', "channel 1"),
        (f'"{HIDDEN}" = 1', r"nothing but \[\[channel\]\] tables"),
        (f'[[channel]]\nname = "a"\nurl = "{HIDDEN}"\n' * 2, "the same name"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_without_a_secret(settings, text, said):
    with pytest.raises(ChannelsError, match=said) as raised:
        written(settings, text)

    assert HIDDEN not in f"{raised.value!r} {raised.value.__cause__!r}"


def test_a_channel_never_shows_its_url(settings):
    assert HIDDEN not in repr(written(settings, FULL)) + str(written(settings, FULL)["desk"].model_dump())


@pytest.mark.parametrize(
    ("target", "text", "shown"),
    [
        ("slack://T1JJ3T/A1BRTD/TIiajkdn", "404 of https://hooks.slack.com/T1JJ3T/A1BRTD/TIiajkdn", "404 of https://hooks.slack.com/***"),
        ("mailtos://user:p%40ss@example.com", "login of user with p@ss refused", "login of *** with *** refused"),
        ("tgram://123456789:abcdefg/12315", "/bot123456789:abcdefg/sendMessage for 12315", "/bot***/sendMessage for ***"),
        ("json://a:xy@example.com/?+X-Key=tok", "header X-Key: tok of a:xy; tokens", "header X-Key: *** of ***; tokens"),
    ],
)
def test_no_part_of_a_url_is_left_in_what_a_library_says(target, text, shown):
    assert masked(text, target) == shown
