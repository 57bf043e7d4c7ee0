"""Views: who may open which page, and what a browser may do and keep."""

from __future__ import annotations

import re
from pathlib import Path

from prefloop.page import views

STATIC = Path(views.__file__).parent / "static"
FORBIDDEN = r"<script(?! type=\"module\" src=\"/static/)|<style|style=|<i |javascript:| on[a-z]+="
PAGES = ("/", "/login", "/admin", "/admin/conflicts", "/admin/campaign")


def test_each_page_is_for_whom_it_is(serve):
    served = serve()
    expected = {
        None: [(303, "/login"), (200, None), (303, "/login"), (303, "/login"), (401, None)],
        "ann": [(200, None), (200, None), (403, None), (403, None), (403, None)],
        "lea": [(200, None)] * 5,
    }
    for who, answers in expected.items():
        with served.client() as client:
            if who is not None:
                client.cookies.set(served.cookie, served.tokens[who])
            for path, (status, leads) in zip(PAGES, answers, strict=True):
                answer = client.get(path)
                assert (path, answer.status_code, answer.headers.get("location")) == (path, status, leads)


def test_pages_hold_no_script_or_style_of_their_own_and_names_are_escaped(serve):
    served = serve(page__title='<i onclick=x>T</i> & "co"', page__verdicts=["tie"])
    with served.client() as client:
        client.cookies.set(served.cookie, served.tokens["lea"])
        for path in PAGES:
            answer = client.get(path)
            assert (
                re.findall(
                    r"<script(?! type=\"module\" src=\"/static/)|<style|style=|<i |javascript:", answer.text
                )
                == []
            )
            assert set(re.findall(r"(?:src|href)=\"([^\"]+)\"", answer.text)) <= {
                *PAGES,
                *(f"{views.STATIC}/{file.name}" for file in STATIC.iterdir()),
            }
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
        sheet = client.get("/").text
    assert "&lt;i onclick=x&gt;T&lt;/i&gt; &amp; &#34;co&#34;" in sheet
    assert "Tie: equally good" in sheet
    assert "Both bad</td>" not in sheet


def test_files_are_kept_under_an_address_that_says_their_contents(serve):
    with serve().client() as client:
        for file in STATIC.iterdir():
            answer = client.get(f"{views.STATIC}/{file.name}")
            assert answer.content == file.read_bytes()
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["x-content-type-options"] == "nosniff"
        for path in ("/../views.py", "/..%2fviews.py", "/%2e%2e/%2e%2e/api.py", "//etc/passwd", "/"):
            assert client.get(views.STATIC + path).status_code == 404
        assert client.get("/static/000000000000/page.css").status_code == 404


def test_views_stand_beside_the_interface_and_not_in_its_description(serve):
    with serve().client("ann") as client:
        paths = client.get("/api/openapi.json").json()["paths"]
    assert paths
    assert all(path.startswith("/api/") for path in paths)
