"""People who label by keyboard, in a browser, on a real campaign."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

PLAIN = [f"plain {n}" for n in range(5)]


def wait_for(page, number, said=""):
    """Until a comparison by its number is there, and the verdict before it is spoken of."""
    expect(page.locator("#state")).to_have_text(re.compile(f"{said}.*Comparison {number}\\."))


def prompt_of(page):
    return page.inner_text("#prompt-text")


def test_keys_give_verdicts_which_stand_in_the_log_by_the_side_they_were_shown_on(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    said = ["left is better", "right is better", "tie", "both bad", "skipped"]
    for number, key in enumerate(["1", "ArrowRight", "=", "4", "s"]):
        wait_for(page, number + 1)
        page.keyboard.press(key)
        expect(page.locator("#state")).to_have_text(re.compile(f"^Saved: {said[number]}"))
    expect(page.locator("#waiting-title")).to_have_text("No pair is waiting")
    lines = labelled.log()
    sides = [line["shown_left"] == line["verdict"] for line in lines]
    assert sides == [True, False, False, False, False]
    assert lines[1]["verdict"] in ("a", "b")
    assert [line["verdict"] for line in lines[2:]] == ["tie", "both_bad", "skip"]
    assert all(line["annotator"] == "ann" and 0 < line["duration_ms"] < 60_000 for line in lines)


def test_undo_takes_the_last_verdict_back_and_shows_its_pair_again(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    first = prompt_of(page)
    page.keyboard.press("2")
    wait_for(page, 2)
    page.keyboard.press("u")
    expect(page.locator("#state")).to_have_text(re.compile("^Taken back"))
    assert prompt_of(page) == first
    page.keyboard.press("1")
    expect(page.locator("#state")).to_have_text(re.compile("^Saved: left"))
    assert [line["verdict"] is None for line in labelled.log()] == [False, True, False]
    page.keyboard.press("Backspace")
    expect(page.locator("#state")).to_have_text(re.compile("^Taken back"))
    assert prompt_of(page) == first
    page.keyboard.press("u")
    expect(page.locator("#state")).to_have_text(re.compile("no verdict"))
    assert prompt_of(page) == first


def test_a_reload_shows_the_same_pair_and_its_time_goes_on(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    first = prompt_of(page)
    page.wait_for_timeout(300)
    page.reload()
    wait_for(page, 1)
    assert prompt_of(page) == first
    page.keyboard.press("1")
    wait_for(page, 2)
    assert labelled.log()[0]["duration_ms"] >= 300


def test_time_in_which_the_page_is_hidden_does_not_count(campaign, visit):
    labelled = campaign(*PLAIN)
    start = time.monotonic()
    page = visit(labelled, "ann")
    wait_for(page, 1)
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
    hide += "document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    page.wait_for_timeout(700)
    page.evaluate(hide, False)
    page.keyboard.press("1")
    wait_for(page, 2)
    assert 0 < labelled.log()[0]["duration_ms"] <= 1000 * (time.monotonic() - start) - 700


def test_a_verdict_given_while_the_server_is_away_is_sent_once_when_it_is_back(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    labelled.stop()
    page.keyboard.press("1")
    expect(page.locator("#state")).to_have_text(re.compile("^Not sent yet"))
    page.keyboard.press("2")
    labelled.start()
    wait_for(page, 2, "Saved: left")
    assert len(labelled.log()) == 1


def test_a_verdict_that_waits_survives_a_crash_of_the_browser_page(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    page.route("**/api/verdicts", lambda route: route.abort())
    page.keyboard.press("2")
    expect(page.locator("#state")).to_have_text(re.compile("^Not sent yet"))
    page.unroute("**/api/verdicts")
    page.reload()
    wait_for(page, 2, "Saved: right")
    assert len(labelled.log()) == 1


def test_an_answer_that_is_lost_on_its_way_back_makes_no_second_verdict(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    lost = []

    def lose(route):
        lost.append(route.fetch().status)
        route.abort()

    page.route("**/api/verdicts", lose, times=1)
    page.keyboard.press("1")
    wait_for(page, 2, "Saved: left")
    while not lost:
        page.wait_for_timeout(20)
    # On a slow machine the page may have sent it again before.
    assert lost[0] in (200, 201)
    assert len(labelled.log()) == 1


def test_what_the_server_refuses_is_said_and_the_next_pair_comes(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    refusal = {"status": 410, "json": {"error": "this pair was given to somebody else", "code": "gone"}}
    page.route("**/api/verdicts", lambda route: route.fulfill(**refusal), times=1)
    page.keyboard.press("1")
    wait_for(page, 1, "Not counted: this pair was given to somebody else")


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (421, {"error": "this server does not answer to that host name"}),
        (403, {"error": "sent by another site's page"}),
        (422, {"error": "verdict: not offered", "code": "not_asked"}),
        (404, {"detail": "a proxy's"}),
        (201, {"welcome": "a proxy's"}),
    ],
)
def test_a_verdict_of_which_the_desk_says_nothing_is_kept_and_sent_when_the_page_is_loaded_again(
    campaign, visit, status, answer
):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    page.route("**/api/verdicts", lambda route: route.fulfill(status=status, json=answer))
    page.keyboard.press("2")
    wait_for(page, 1, "^Not sent: .*Kept in this browser")
    expect(page.locator("#state")).to_have_class("unsent")
    page.unroute("**/api/verdicts")
    page.reload()
    wait_for(page, 2, "Saved: right")
    assert len(labelled.log()) == 1


def test_an_undo_whose_answer_is_lost_takes_back_one_verdict(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    for number in (1, 2):
        wait_for(page, number)
        page.keyboard.press("1")
    wait_for(page, 3)
    page.reload()  # the last verdict is the server's knowledge, not the browser's
    wait_for(page, 3)
    page.route("**/api/undo", lambda route: (route.fetch(), route.abort()), times=1)
    page.keyboard.press("u")
    expect(page.locator("#state")).to_have_text(re.compile("^Taken back"))
    assert [line["verdict"] is None for line in labelled.log()] == [False, False, True]


def test_two_pages_of_one_person_count_a_pair_once(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    other = page.context.new_page()
    other.goto(labelled.url)
    wait_for(other, 1)
    page.keyboard.press("1")
    wait_for(page, 2)
    other.keyboard.press("2")
    wait_for(other, 2, "Known already: left is better")
    other.close()
    assert len(labelled.log()) == 1


def test_a_key_that_is_held_down_gives_one_verdict(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    for _ in range(4):
        page.keyboard.down("1")
    wait_for(page, 2)
    page.wait_for_timeout(100)
    assert len(labelled.log()) == 1


def test_where_more_is_asked_the_verdict_is_chosen_first_and_sent_with_the_rest(campaign, visit):
    asks = {"strength": True, "reasons": ["true", "short"], "criteria": ["<b>style</b>"], "comment": True}
    labelled = campaign(*PLAIN, **{f"page__{name}": value for name, value in asks.items()})
    page = visit(labelled, "ann")
    wait_for(page, 1)
    page.keyboard.press("1")
    expect(page.locator("#state")).to_have_text("Chosen: left is better. Enter or Send sends it.")
    page.keyboard.press("Space")  # the first strength, which has the focus
    page.keyboard.press("ArrowRight")
    page.get_by_role("group", name="<b>style</b>").get_by_label("Right").check()
    page.get_by_label("short").check()
    page.get_by_label("Comment").fill("1 2 3 s u")
    page.keyboard.press("Control+Enter")
    wait_for(page, 2, "Saved: left")
    line = labelled.log()[0]
    assert (line["strength"], line["reasons"], line["comment"]) == (1.0, ["short"], "1 2 3 s u")
    assert dict(line["criteria"]) == {"<b>style</b>": {"a": "b", "b": "a"}[line["shown_left"]]}
    page.keyboard.press("3")
    assert page.get_by_label("Clearly").is_disabled()
    page.keyboard.press("3")
    wait_for(page, 3, "Saved: tie")
    page.keyboard.press("s")
    wait_for(page, 4, "Saved: skipped")


def test_guidelines_are_read_on_a_key_and_a_new_version_is_pointed_out(campaign, visit, tmp_path):
    file = tmp_path / "guidelines.md"
    file.write_text("# Be fair\n\nRead **both**. <script>window.hacked = 1</script>")
    labelled = campaign(*PLAIN, page__guidelines=str(file))
    page = visit(labelled, "ann")
    wait_for(page, 1)
    button = page.locator("#open-guidelines")
    expect(button).to_contain_text("not read yet")
    page.keyboard.press("g")
    expect(page.get_by_role("heading", name="Be fair")).to_be_visible()
    page.keyboard.press("1")  # gives no verdict while the text is open
    page.keyboard.press("Escape")
    expect(button).not_to_contain_text("not read yet")
    file.write_text("# Be quick")
    page.keyboard.press("1")
    wait_for(page, 2)
    page.keyboard.press("1")
    wait_for(page, 3)
    expect(button).to_contain_text("changed")
    assert len(labelled.log()) == 2


def test_keys_can_be_switched_off_and_the_buttons_stay(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    page.keyboard.press("?")
    page.locator("#single-keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.get_by_role("button", name="Right is better").click()
    wait_for(page, 2, "Saved: right")
    assert len(labelled.log()) == 1


def test_everything_can_be_reached_by_the_tab_key_in_the_order_of_reading(campaign, visit):
    page = visit(campaign(*PLAIN), "ann")
    wait_for(page, 1)
    assert page.evaluate("document.activeElement.id") == "prompt-title"
    reached = []
    for _ in range(16):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.dataset.verdict || ''"))
    order = ["diff", "raw", "scroll", "prompt-text", "left", "right", "undo"]
    order += ["left", "tie", "both_bad", "skip", "right"]
    assert reached[: len(order)] == order
    assert "" in reached or "open-keys" in reached  # on to the browser, or round to the top: no trap
    page.keyboard.press("Shift+Tab")


def test_landmarks_headings_and_live_region_say_where_one_is(campaign, visit):
    page = visit(campaign(*PLAIN), "ann")
    wait_for(page, 1)
    assert page.locator("main").count() == page.locator("header").count() == page.locator("footer").count() == 1
    seen = "all => all.filter((one) => one.checkVisibility()).map((one) => one.tagName + one.innerText.trim())"
    assert [text[:2] for text in page.eval_on_selector_all("h1, h2, h3", seen)] == ["H1", "H2", "H2", "H2"]
    for name in ("Prompt", "Left answer", "Right answer"):
        assert page.get_by_role("region", name=name).count() == 1
    assert page.locator("#state[role=status][aria-live=polite]").count() == 1
    assert "BUTTON" not in page.eval_on_selector_all("button", seen)  # each has a name


def test_who_has_no_valid_token_comes_to_the_login_page(campaign, visit):
    labelled = campaign(*PLAIN)
    page = visit(labelled, "ann")
    wait_for(page, 1)
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    page.goto(labelled.url)
    assert page.url.endswith("/login")
    page.get_by_label("Your token").fill(labelled.tokens["bob"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{labelled.url}/")
    wait_for(page, 1)
    assert page.get_attribute("body", "data-person") == "bob"
    assert labelled.tokens["bob"] not in page.evaluate("document.cookie")  # no script can read the token


def test_a_token_in_the_address_logs_in_and_does_not_stay_there(campaign, browser):
    labelled = campaign(*PLAIN)
    page = browser.new_page()
    page.goto(f"{labelled.url}/login#token=wrong-token-that-nobody-has")
    expect(page.locator("#says")).to_contain_text("not valid")
    assert page.url == f"{labelled.url}/login"
    page.goto("about:blank")
    page.goto(f"{labelled.url}/login#token={labelled.tokens['ann']}")
    wait_for(page, 1)
    assert page.url == f"{labelled.url}/"
    page.close()


def test_where_no_pair_waits_the_page_says_so_and_the_last_verdict_can_be_taken_back(campaign, visit):
    labelled = campaign("plain 0")
    page = visit(labelled, "ann")
    wait_for(page, 1)
    page.keyboard.press("1")
    expect(page.locator("#waiting-title")).to_have_text("No pair is waiting")
    expect(page.locator("#yours")).to_have_text("1")
    assert page.locator("#verdicts").is_hidden()
    page.keyboard.press("1")
    page.keyboard.press("u")
    expect(page.locator("#state")).to_have_text(re.compile("^Taken back"))
    assert [line["verdict"] is None for line in labelled.log()] == [False, True]


def test_on_a_phone_what_is_asked_besides_comes_into_view_above_the_bar(campaign, visit):
    page = visit(campaign("code", page__strength=True), "ann", viewport={"width": 390, "height": 760})
    wait_for(page, 1)
    page.get_by_role("button", name="Left is better").click()
    asked, bar = (page.locator(one).bounding_box() for one in ("#extras", "footer"))
    assert asked["y"] >= 0
    assert asked["y"] + asked["height"] <= bar["y"]
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#state")).to_have_text(re.compile("^Saved: left is better"))
