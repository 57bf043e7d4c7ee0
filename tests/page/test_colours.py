"""Colours of the style sheets: WCAG 2.2 AA in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prefloop.page import views

FOLDER = Path(views.__file__).parent / "static"
GROUNDS = ("ground", "card", "accent-soft", "code-ground")
CODE = ("keyword", "name", "string", "number", "comment")
# What is read, on what it stands.
TEXTS = [
    *(("text", ground) for ground in (*GROUNDS, "mark", "warn-soft")),
    *(("muted", ground) for ground in GROUNDS),
    *(("accent", ground) for ground in GROUNDS),
    *((name, ground) for name in CODE for ground in ("code-ground", "card")),
    *(("on-accent", "accent"), ("good", "card"), ("bad", "card"), ("bad", "bad-soft")),
    *(("warn", "card"), ("warn", "warn-soft")),
]
# What shows where a thing is and how it stands: borders of controls, the focus, a curve.
SHAPES = [(name, ground) for name in ("edge", "accent", "focus") for ground in ("card", "ground")]


def sheet(name):
    return re.sub(r"/\*.*?\*/", "", (FOLDER / name).read_text(), flags=re.DOTALL)


def palette(scheme):
    light, dark = re.findall(r":root \{(.*?)\}", sheet("page.css"), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return colours if scheme == "light" else colours | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark))


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXTS, 4.5), (SHAPES, 3.0)])
def test_contrast_is_high_enough(scheme, pairs, least):
    colours = palette(scheme)
    ratios = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < least} == {}


def test_no_colour_stands_outside_the_palette_and_each_is_there_in_light_and_dark():
    light, dark = re.findall(r":root \{(.*?)\}", sheet("page.css"), re.DOTALL)
    assert set(re.findall(r"--[\w-]+(?=:)", light)) == set(re.findall(r"--[\w-]+(?=:)", dark))
    for name in ("page.css", "texts.css", "admin.css"):
        rest = re.sub(r":root \{.*?\}", "", sheet(name), flags=re.DOTALL)
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;, ])", rest) == []
        assert set(re.findall(r"var\((--[\w-]+)\)", rest)) <= set(re.findall(r"--[\w-]+(?=:)", light))


def test_files_of_the_pages_name_no_other_host():
    for path in FOLDER.iterdir():
        assert set(re.findall(r"https?://[^\s\"']+", path.read_text())) <= {"http://www.w3.org/2000/svg"}
