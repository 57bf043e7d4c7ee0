"""A browser, and a campaign that it can open; the whole folder is skipped where no Chromium is."""

from __future__ import annotations

import shutil
import threading
from contextlib import ExitStack
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from playwright.sync_api import expect, sync_playwright

from prefloop.data.prepare import prepare
from prefloop.desk.people import People, Person, digest_of, new_token
from prefloop.io.arrays import read_table, write_table
from prefloop.io.layout import Layout
from prefloop.labels.lines import read_lines
from prefloop.page.serve import campaign_server
from tests.page.browser.campaigns import RECORDS
from tests.worlds import make_params

# How long a page may take says more of what else the machine does than of the page.
expect.set_options(timeout=20_000)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: the pages are not tried in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def kinds(tmp_path_factory):
    """Prepared tables of RECORDS."""
    folder = tmp_path_factory.mktemp("kinds")
    params = make_params(data__split__test=0.0, data__split__val=0.0)
    prepare(list(RECORDS.values()), params.data.split, folder / "prepared", params.data.leaks)
    return folder / "prepared"


class Campaign:
    """A campaign in a folder that is served, stopped and served again at one address."""

    def __init__(self, layout):
        self.layout, self.url, self._port = layout, "", 0
        self.tokens = {name: new_token() for name in ("ann", "bob", "lea")}
        self._running = ExitStack()

    def start(self, status=None, **changes):
        """Serve it; parameters as changes."""
        given = [
            Person(name, "admin" if name == "lea" else "annotator", digest_of(token))
            for name, token in self.tokens.items()
        ]
        people, params = People(self.layout.people, given), make_params(**changes)
        server = self._running.enter_context(
            campaign_server(
                *(params, self.layout, people, "127.0.0.1", self._port),
                campaign_status=None if status is None else lambda: status,
            )
        )
        ready = threading.Event()
        thread = threading.Thread(target=server.run, args=(lambda url: ready.set(),))
        thread.start()
        self._running.callback(thread.join)
        self._running.callback(server.stop)
        assert ready.wait(20)
        self.cookie = server.app.state.door.cookie
        self.url, self._port = server.url, urlsplit(server.url).port

    def stop(self):
        """As if the machine were gone."""
        self._running.close()

    def log(self):
        """The lines of the label log."""
        with open(self.layout.labels, "rb") as handle:
            return read_lines(handle, self.layout.labels)[0].to_pylist()


@pytest.fixture
def campaign(tmp_path, kinds):
    """Makes a campaign whose batch holds some of RECORDS, in order."""
    made = []

    def make(*names, wanted=1, **changes):
        layout = Layout.folder(tmp_path)
        shutil.copytree(kinds, layout.prepared)
        write_table(layout.batch, _batch(layout, names, wanted))
        made.append(Campaign(layout))
        made[0].start(**changes)
        return made[0]

    yield make
    for one in made:
        one.stop()


def _batch(layout, names, wanted):
    prompts = {
        row["prompt_id"]: row["prompt"] for row in read_table(layout.prepared / "prompts.parquet").to_pylist()
    }
    pairs = {prompts[row["prompt_id"]]: row for row in read_table(layout.prepared / "pairs.parquet").to_pylist()}
    chosen = [pairs[RECORDS[name].prompt.plain] for name in names]
    ids = ("pair_id", "prompt_id", "completion_a", "completion_b")
    numbers = {"round": 0, "annotators": wanted}
    return pa.table(
        {name: [row[name] for row in chosen] for name in ids}
        | {name: pa.array([value] * len(chosen), pa.int32()) for name, value in numbers.items()}
    )


@pytest.fixture(scope="session")
def window(browser):
    """A window for all tests that want no other: a process of its own for each would take most of their time."""
    return browser.new_context(viewport={"width": 1280, "height": 800})


@pytest.fixture
def visit(browser, window):
    """Opens a campaign as somebody; at the end nothing may have run, failed or been asked of another host."""
    opened = []

    def open_(campaign, who, path="/", **options):
        context = browser.new_context(**options) if options else window
        page = context.new_page()
        asked, wrong = [], []
        page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        # Begun on a page that is there already, interception can come too late for the next request.
        page.route("**/nothing-asks-for-this", lambda route: route.abort())
        opened.append((page, urlsplit(campaign.url).netloc, asked, wrong))
        # Of two people in one window the last one is logged in.
        context.add_cookies([{"name": campaign.cookie, "value": campaign.tokens[who], "url": campaign.url}])
        page.goto(campaign.url + path)
        return page

    yield open_
    for page, own, asked, wrong in opened:
        assert set(asked) == {own}
        # What tests of a lost network and of refusals bring about themselves.
        assert [text for text in wrong if not text.startswith("Failed to load resource")] == []
        assert page.evaluate("window.hacked") is None
        (page if page.context == window else page.context).close()
