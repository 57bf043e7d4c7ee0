"""The lead's view in a browser: numbers as they came, conflicts decided by key."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.page.browser.test_labelling import wait_for

STATUS = {
    "labels": 4,
    "annotators": [{"annotator": "<img src=x onerror=window.hacked=1>", "votes": 2, "drift": []}],
    "advice": {"say": "go on", "sentence": "Go on <script>window.hacked=1</script>.", "why": ["Few labels."]},
}


def test_the_lead_sees_the_status_and_who_labels_does_not(campaign, visit):
    labelled = campaign("plain 0", status=STATUS)
    page = visit(labelled, "lea", "/admin")
    expect(page.get_by_role("heading", name="Advice: go on")).to_be_visible()
    expect(page.locator("th[scope=row]")).to_have_text("<img src=x onerror=window.hacked=1>")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#state")).to_contain_text("Read at")
    expect(page.locator("dd")).to_have_text("4")
    assert page.context.request.get(f"{labelled.url}/admin").status == 200
    other = page.context.browser.new_context()
    cookie = {"name": labelled.cookie, "value": labelled.tokens["ann"], "url": labelled.url}
    other.add_cookies([cookie])
    paths = ("/admin", "/admin/campaign", "/admin/conflicts")
    statuses = [other.request.get(labelled.url + path).status for path in paths]
    assert statuses == [403, 403, 403]
    other.close()


def test_conflicts_are_decided_by_key(campaign, visit):
    labelled = campaign("plain 0", "plain 1", wanted=2)
    for who, key in (("ann", "left"), ("bob", "right")):
        page = visit(labelled, who)
        for number in (1, 2):
            wait_for(page, number)
            # By text, since each person has sides of their own.
            better = "-a good" if key == "left" else "-b good good"
            side = "1" if page.inner_text("#left").strip().endswith(better) else "2"
            page.keyboard.press(side)
        expect(page.locator("#waiting")).to_be_visible()
    page = visit(labelled, "lea", "/admin/conflicts")
    expect(page.locator("#votes li")).to_have_count(2)
    first = page.inner_text("#prompt-text")
    page.keyboard.press("s")
    expect(page.locator("#state")).to_have_text(re.compile("Put off"))
    assert page.inner_text("#prompt-text") != first
    page.keyboard.press("3")
    expect(page.locator("#state")).to_have_text("Decided: Tie. 1 to decide.")
    page.keyboard.press("1")
    expect(page.locator("#waiting-title")).to_have_text("No conflicts")
    last = labelled.log()[-2:]
    assert [(line["annotator"], line["verdict"], line["purpose"]) for line in last] == [
        ("lea", "tie", "adjudication"),
        ("lea", "a", "adjudication"),
    ]
