"""Texts of every kind as a browser shows them: none runs, all can be read."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.page.browser.campaigns import OUTSIDE
from tests.page.browser.test_labelling import wait_for

HOSTILE = '"><script>window.hacked = 1</script><img src=x onerror=window.hacked=2>'


def test_hostile_texts_names_and_criteria_run_nowhere_and_ask_no_other_host(campaign, visit):
    page = visit(
        campaign("hostile", page__title=HOSTILE, page__criteria=[HOSTILE], page__reasons=[HOSTILE]), "ann"
    )
    wait_for(page, 1)
    for key in ("r", "d", "r", "d", "?"):
        page.keyboard.press(key)
    assert page.inner_text("h1") == HOSTILE
    assert "<script>window.hacked = 1</script>" in page.inner_text("#left .rendered")
    shown = page.locator(".text")
    assert shown.locator("script, img, svg, iframe, style, link, form, input, object, embed").count() == 0
    hrefs = shown.locator("a").evaluate_all("all => all.map(one => [one.href, one.rel, one.target])")
    assert {href.split(":")[0] for href, _, _ in hrefs} == {"http"}
    assert {(rel, target) for _, rel, target in hrefs} == {("noopener noreferrer nofollow", "_blank")}
    assert all(href.startswith(OUTSIDE) for href, _, _ in hrefs)  # a link alone: the fixture sees no request


def test_raw_text_on_a_key_is_what_came(campaign, visit):
    page = visit(campaign("code"), "ann")
    wait_for(page, 1)
    assert "```" not in page.inner_text("#left")
    page.keyboard.press("r")
    assert "```python" in page.inner_text("#left")
    page.reload()  # as this browser had it
    wait_for(page, 1)
    assert "```python" in page.inner_text("#right")


def test_code_tables_and_formulas_are_set(campaign, visit):
    page = visit(campaign("code", "maths"), "ann")
    wait_for(page, 1)
    keyword = page.locator("#left .k").first
    assert keyword.evaluate("one => getComputedStyle(one).color") != page.locator("#left p").first.evaluate(
        "one => getComputedStyle(one).color"
    )
    assert page.locator("#left td.right").count() == 2
    page.keyboard.press("1")
    wait_for(page, 2)
    assert page.locator("#left math").count() >= 4
    assert page.locator("#left mfrac").first.evaluate("one => one.getBoundingClientRect().height") > 10
    assert page.inner_text("#left .formula") == "$\\unknowncommand{$"


def test_each_block_has_the_direction_of_its_words(campaign, visit):
    page = visit(campaign("rtl"), "ann")
    wait_for(page, 1)
    of_each = "all => all.map(one => getComputedStyle(one).direction)"
    directions = page.locator("#left .rendered > *").evaluate_all(of_each)
    assert directions == ["rtl", "rtl", "rtl", "rtl", "ltr"]


def test_differences_are_marked_word_by_word_without_changing_the_texts(campaign, visit):
    page = visit(campaign("code", "long"), "ann")
    wait_for(page, 1)
    before = page.inner_html("#left")
    page.keyboard.press("d")
    words = "name => [...CSS.highlights.get(name)].map(String)"
    marked = {tuple(page.evaluate(words, name)) for name in ("only-left", "only-right")}
    assert marked == {("generator", "eleven"), ("list", "12")}
    assert page.inner_html("#left") == before
    page.keyboard.press("1")
    wait_for(page, 2)  # still on, for the next pair
    both = page.evaluate(words, "only-left") + page.evaluate(words, "only-right")
    assert set(both) == {"oat"}
    assert len(both) == 90


def test_texts_too_long_to_compare_word_by_word_are_compared_by_lines_in_a_moment(campaign, visit):
    page = visit(campaign("plain 0"), "ann")
    wait_for(page, 1)
    seconds = page.evaluate(
        """async () => {
        const script = document.querySelector('script[type=module]').src;
        const diff = await import(script.replace('label.js', 'diff.js'));
        const words = (seed) => Array.from({length: 16000}, (_, n) => (
            {text: n % 977 === seed ? 'x' + seed : 'w' + (n % 5003), line: Math.floor(n / 10)}));
        const start = performance.now();
        const [left] = diff.commonWords(words(1), words(2));
        return [(performance.now() - start) / 1000, left.filter((one) => !one).length];
    }"""
    )
    assert seconds[0] < 5
    assert 0 < seconds[1] < 2000


def test_long_answers_scroll_alike_unless_that_is_switched_off(campaign, visit):
    page = visit(campaign("long"), "ann")
    wait_for(page, 1)
    tops = "() => [document.querySelector('#left').scrollTop, document.querySelector('#right').scrollTop]"
    page.keyboard.press("PageDown")
    page.wait_for_function("document.querySelector('#right').scrollTop > 100")
    page.keyboard.press("End")
    page.wait_for_function(
        "() => ['#left', '#right'].map((one) => document.querySelector(one)).every("
        "(box) => box.scrollTop + box.clientHeight >= box.scrollHeight - 2)"
    )
    page.keyboard.press("l")
    page.keyboard.press("Home")
    page.wait_for_timeout(50)
    left, right = page.evaluate(tops)
    assert left == 0
    assert right > 100
    page.keyboard.press("Shift+End")
    assert page.evaluate("document.querySelector('#prompt-text').scrollTop") > 0


def test_conversations_show_roles_and_calls(campaign, visit):
    page = visit(campaign("talk"), "ann")
    wait_for(page, 1)
    roles = page.locator("#prompt-text .role").all_inner_texts()
    assert roles == ["System", "User", "Assistant", "Tool", "User"]
    expect(page.locator("#prompt-text .call")).to_contain_text(
        re.compile('Calls weather.*"place": "Bergen"', re.DOTALL)
    )
    alone = page.locator(".answer", has_text="it rains").locator(".role")
    assert alone.count() == 0


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_answers_stand_below_each_other_and_nothing_is_wider_than_the_screen(campaign, visit, width):
    page = visit(campaign("code", "maths"), "ann", viewport={"width": width, "height": 760})
    for number in (1, 2):
        wait_for(page, number)
        left, right = (page.locator(f"#{side}-answer").bounding_box() for side in ("left", "right"))
        assert left["y"] + left["height"] <= right["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        bar, right = (page.locator(one).bounding_box() for one in ("footer", "#right-answer"))
        assert bar["y"] + bar["height"] == pytest.approx(760, abs=1)
        assert right["y"] + right["height"] <= bar["y"]
        page.evaluate("window.scrollTo(0, 300)")
        bar = page.locator("footer").bounding_box()
        assert bar["y"] + bar["height"] == pytest.approx(760, abs=1)
        page.get_by_role("button", name="Right is better").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system(campaign, visit, scheme):
    page = visit(campaign("plain 0"), "ann", color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", ground)[:3]))
    assert (brightness > 600) == (scheme == "light")
