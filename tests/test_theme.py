"""The colours of the console are readable, also for people with a red-green deficiency."""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

CONFIG = tomllib.loads((Path(__file__).resolve().parent.parent / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
STATUS = ("greenColor", "redColor", "orangeColor", "blueColor", "grayColor")
THEMES = ("light", "dark")
# Machado, Oliveira and Fernandes 2009, severity 1.0, applied to linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
}
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
WHITE = TO_XYZ.sum(axis=1)
GROUNDS = ("backgroundColor", "secondaryBackgroundColor")
TINT = {"light": 0.1, "dark": 0.2}  # opacity of the colour behind a badge or a message, as Streamlit derives it
TEXT_CONTRAST = 4.5  # WCAG 2.2, 1.4.3
MARK_CONTRAST = 3.0  # WCAG 2.2, 1.4.11
DISTANCE = 20.0  # CIE76; about ten times what is just noticeable


def linear(colour: str) -> np.ndarray:
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    ratio = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    high, low = sorted((float(TO_XYZ[1] @ linear(c)) for c in (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mixed(ground: str, colour: str, opacity: float) -> str:
    pairs = ((int(ground[i : i + 2], 16), int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(below * (1 - opacity) + above * opacity):02X}" for below, above in pairs)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("colour", ["textColor", "linkColor"])
def test_text_is_readable_on_both_backgrounds(theme, colour):
    palette = CONFIG["theme"][theme]

    assert min(contrast(palette[colour], palette[ground]) for ground in GROUNDS) >= TEXT_CONTRAST


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("status", STATUS)
def test_a_status_is_readable_plain_and_on_its_own_tint(theme, status):
    palette = CONFIG["theme"][theme]
    text = palette[status.replace("Color", "TextColor")]
    grounds = [palette[ground] for ground in GROUNDS]

    assert min(contrast(text, ground) for ground in grounds) >= TEXT_CONTRAST
    assert min(contrast(text, mixed(ground, palette[status], TINT[theme])) for ground in grounds) >= TEXT_CONTRAST


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("status", STATUS)
def test_a_mark_stands_out_from_both_backgrounds(theme, status):
    palette = CONFIG["theme"][theme]

    assert min(contrast(palette[status], palette[ground]) for ground in GROUNDS) >= MARK_CONTRAST


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", VISION)
def test_two_statuses_never_look_alike(theme, vision):
    palette = CONFIG["theme"][theme]
    seen = {name: lab(VISION[vision] @ linear(palette[name])) for name in STATUS}

    distances = {(a, b): round(float(np.linalg.norm(seen[a] - seen[b])), 1) for a, b in itertools.combinations(STATUS, 2)}
    assert min(distances.values()) >= DISTANCE, distances


def test_both_themes_set_the_same_colours():
    light, dark = (set(CONFIG["theme"][theme]) for theme in THEMES)

    assert light == dark


def test_no_font_comes_from_the_network():
    text = repr(CONFIG["theme"])

    assert "http" not in text
