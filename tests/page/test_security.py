"""What the API must refuse, each tried over HTTP or by a socket."""

from __future__ import annotations

import json
import socket
import time

import httpx2
import pyarrow as pa

from prefloop.desk.people import People, new_token
from prefloop.io.arrays import read_table, write_table
from prefloop.page import guard, patience
from tests.page.test_api import answer

HEADERS = {
    "content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "cache-control",
}  # fmt: skip


def talk(served, *parts, wait=0.0):
    """Send raw bytes, and return all that comes back until the server closes."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(wait)
        chunks = []
        while chunk := connection.recv(65536):
            chunks.append(chunk)
        return b"".join(chunks)


def host_of(served):
    return served.url.removeprefix("http://").encode()


def test_without_a_valid_token_nothing_is_told(serve):
    served = serve()
    token = served.tokens["ann"]
    forged = ["-", "x", new_token(), token[:-1], token + "x", token.swapcase()]
    with served.client() as stranger:
        assert stranger.get("/api/next").headers["www-authenticate"] == "Bearer"
        for path in ("/api/next", "/api/status", "/api/guidelines", "/api/admin/conflicts"):
            assert stranger.get(path).status_code == 401
        for path in ("/api/verdicts", "/api/undo", "/api/admin/adjudicate", "/api/logout"):
            assert stranger.post(path, json={}).status_code == 401
        for one in forged:
            for header in ({"Authorization": f"Bearer {one}"}, {"Cookie": f"{served.cookie}={one}"}):
                assert stranger.get("/api/next", headers=header).status_code in (401, 429)
    assert served.server.desk.waiting() == 4


def test_wrong_tokens_are_few_a_minute_and_a_right_one_still_works(serve):
    served = serve()
    with served.client() as guesser, served.client("ann") as ann:
        codes = [guesser.get("/api/next", headers={"Authorization": f"Bearer {n}"}).status_code for n in range(14)]
        assert codes == [401] * 10 + [429] * 4
        login = guesser.post("/api/login", json={"token": served.tokens["ann"]}, headers={"Origin": served.url})
        assert (login.status_code, login.headers["retry-after"]) == (429, "60")
        assert ann.get("/api/next").status_code == 200


def test_wrong_tokens_count_on_pages_too_and_whatever_address_they_say_they_come_from(serve):
    served = serve()
    with served.client() as guesser:
        codes = [
            guesser.get(
                "/", headers={"Cookie": f"{served.cookie}={n}", "X-Forwarded-For": f"9.9.9.{n}"}
            ).status_code
            for n in range(14)
        ]
        assert codes == [303] * 10 + [429] * 4
        assert guesser.get("/", headers={"Cookie": f"{served.cookie}={served.tokens['ann']}"}).status_code == 200


def test_a_cookie_is_of_one_campaign(serve, tmp_path):
    served = serve()
    assert People(tmp_path / "other" / "people").campaign not in served.cookie
    assert People(served.layout.people).campaign in served.cookie
    with served.client() as page:
        login = page.post("/api/login", json={"token": served.tokens["ann"]}, headers={"Origin": served.url})
        assert login.headers["set-cookie"].startswith(f"{served.cookie}={served.tokens['ann']};")
        page.cookies.set("prefloop-of-another-campaign", new_token())
        assert page.get("/api/next").status_code == 200
    assert httpx2.get(f"{served.url}/api/next", cookies={"prefloop": served.tokens["ann"]}).status_code == 401


def test_a_lease_is_its_holders_alone(serve):
    served = serve()
    with served.client("ann") as ann, served.client("bob") as bob:
        task = ann.get("/api/next").json()
        assert answer(bob, task).status_code == 403
        assert answer(ann, task).status_code == 201
        assert answer(bob, task).status_code == 403
        assert bob.post("/api/undo", json={"lease": task["lease"]}).status_code == 403
        assert answer(bob, {"lease": new_token()}).status_code == 404
    assert [line["annotator"] for line in served.log()] == ["ann"]


def test_a_cookie_is_taken_from_the_own_page_alone(serve):
    served = serve()
    with served.client() as page:
        token, own = {"token": served.tokens["ann"]}, {"Origin": served.url}
        for origin in ("null", "https://evil.example", served.url + "0", served.url.replace("http", "https")):
            assert page.post("/api/login", json=token, headers={"Origin": origin}).status_code == 403
        assert page.post("/api/login", json=token).status_code == 403
        login = page.post("/api/login", json=token, headers=own)
        assert login.status_code == 204
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(login.headers["set-cookie"].split("; "))
        task = page.get("/api/next").json()
        body = {"lease": task["lease"], "verdict": "tie", "duration_ms": 1}
        for headers in ({}, {"Origin": "https://evil.example"}, own | {"Sec-Fetch-Site": "cross-site"}):
            assert page.post("/api/verdicts", json=body, headers=headers).status_code == 403
        form = {"Content-Type": "text/plain", **own}
        assert page.post("/api/verdicts", content=json.dumps(body), headers=form).status_code == 422
        assert served.log() == []
        assert page.post("/api/verdicts", json=body, headers=own).status_code == 201
        assert page.post("/api/logout", headers=own).status_code == 204
        assert page.get("/api/next").status_code == 401


def test_a_proxys_origin_is_told(serve):
    served = serve(origins=("https://labels.example.org",))
    with served.client(Host="labels.example.org") as page:
        login = page.post(
            "/api/login", json={"token": served.tokens["ann"]}, headers={"Origin": "https://labels.example.org"}
        )
        assert login.status_code == 204


def test_on_loopback_other_host_names_are_refused(serve):
    served = serve()
    for host, code in (("evil.example", 421), ("localhost:1", 401), ("127.0.0.1", 401), ("", 421)):
        assert httpx2.get(f"{served.url}/api/next", headers={"Host": host}).status_code == code
    both = b"GET /api/next HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert talk(served, both).startswith(b"HTTP/1.1 400")


def test_every_answer_has_its_headers(serve):
    served = serve()
    with served.client("ann") as ann:
        answers = [
            ann.get("/api/next"), ann.get("/nowhere"), ann.post("/api/verdicts", json={}), ann.put("/api/next"),
            ann.post("/api/verdicts", content=b"x" * 70_000), ann.get("/api/openapi.json"),
            ann.get("/api/next", headers={"Host": "evil.example"}), httpx2.get(f"{served.url}/api/next"),
        ]  # fmt: skip
    assert sorted(a.status_code for a in answers) == [200, 200, 401, 404, 405, 413, 421, 422]
    for one in answers:
        assert set(one.headers) >= HEADERS
        assert one.headers["cache-control"] == "no-store"
        assert "server" not in one.headers


def test_paths_lead_nowhere(serve):
    served = serve()
    paths = (
        "/../params.yaml", "/static/../../etc/passwd", "/api/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
        "/api/next/..%2f..%2f", "/static/%00",
    )  # fmt: skip
    for path in paths:
        text = talk(served, b"GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" % (path.encode(), host_of(served)))
        assert text.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), path
        assert b"root:" not in text


def test_large_bodies_are_refused_whether_they_say_so_or_not(serve):
    served = serve()
    with served.client("ann") as ann:
        assert ann.post("/api/verdicts", content=b"x" * 70_000).status_code == 413
        assert ann.post("/api/verdicts", content=(b"x" * 8_000 for _ in range(10))).status_code == 413
        assert ann.get("/api/next", headers={"X": "x" * 20_000}).status_code in (400, 431)
        assert ann.get("/api/next", headers={"X": "x" * 100_000}).status_code in (400, 431)
        assert ann.get("/api/next").status_code == 200


def test_slow_clients_are_cut(serve, monkeypatch):
    monkeypatch.setattr(patience, "_HEAD_S", 0.2)
    monkeypatch.setattr(guard.Guard.__init__, "__defaults__", ((), 1 << 16, 0.2, "/static/"))
    served = serve()
    start = time.monotonic()
    head = b"POST /api/verdicts HTTP/1.1\r\nHost: %s\r\nContent-Length: 99\r\n\r\n" % host_of(served)
    assert talk(served, head, b"{").startswith(b"HTTP/1.1 408")
    assert talk(served, b"GET /api/next HT") == b""
    assert talk(served) == b""
    whole = b"GET /api/next HTTP/1.1\r\nHost: %s\r\n\r\n" % host_of(served)
    assert talk(served, whole, b"GET /api/n").startswith(b"HTTP/1.1 401")  # cut in its second head
    assert time.monotonic() - start < 5
    with served.client("ann") as ann:
        assert ann.get("/api/next").status_code == 200


def test_a_defect_is_told_without_its_trace(serve, monkeypatch, caplog):
    served = serve()
    monkeypatch.setattr(served.server.desk, "progress", lambda name: 1 / 0)
    with served.client("ann") as ann:
        failed = ann.get("/api/status")
        assert failed.status_code == 500
        assert "division" not in failed.text
        assert set(failed.headers) >= HEADERS
    assert "ZeroDivisionError" in caplog.text


def test_what_gold_items_and_repeats_are_is_not_told(serve, tmp_path):
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"prompt": "secret?", "chosen": "yes", "rejected": "no"}\n')
    served = serve(page__gold=str(gold), page__gold_share=0.5, page__repeat_share=0.5)
    path = served.layout.prepared / "prompts.parquet"
    prompts = read_table(path).drop_columns(["ids"])
    write_table(path, prompts.append_column("ids", pa.array([["row 7"]] * len(prompts))))
    seen = []
    with served.client("ann") as ann:
        while (reply := ann.get("/api/next")).status_code == 200:
            seen.append(reply.json())
            answer(ann, reply.json())
    purposes = [line["purpose"] for line in served.log()]
    assert "gold" in purposes
    assert len({(frozenset(task), str(task["ids"])) for task in seen}) == 1
    assert not any("gold" in str(task) or "repeat" in str(task) for task in seen)
    (task,) = [task for task in seen if task["prompt"][0]["content"] == "secret?"]
    assert {task[side][0]["content"] for side in ("left", "right")} == {"yes", "no"}
