"""The JSON API over HTTP."""

from __future__ import annotations

import json

import httpx2
import pyarrow.compute as pc

from prefloop.io.arrays import read_table, write_table
from prefloop.io.layout import Layout
from prefloop.labels.log import LabelLog
from tests.labels.helpers import label
from tests.page.conftest import write_batch


def answer(client, task, verdict="left", **more):
    body = {"lease": task["lease"], "verdict": verdict, "duration_ms": 1200} | more
    return client.post("/api/verdicts", json=body)


def test_a_verdict_is_taken_once_and_its_sides_are_those_of_the_log(serve):
    served = serve()
    with served.client("ann") as ann:
        task = ann.get("/api/next").json()
        assert ann.get("/api/next").json()["lease"] == task["lease"]
        assert task["asks"]["verdicts"] == ["left", "right", "tie", "both_bad", "skip"]
        progress = {"yours": 0, "minute_rate": None, "total": 0, "wanted": 4, "last_lease": None}
        assert task["progress"] == progress
        first, again = answer(ann, task), answer(ann, task, "right")
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert ann.get("/api/status").json()["progress"]["last_lease"] == task["lease"]
    (line,) = served.log()
    assert line["verdict"] == line["shown_left"]
    assert (line["annotator"], line["source"], line["lease"]) == ("ann", "human", task["lease"])
    assert (line["duration_ms"], line["round"], line["cost"]) == (1200, 0, 0.0)


def test_texts_are_those_of_the_sides(serve):
    served = serve()
    with served.client("ann") as ann:
        task = ann.get("/api/next").json()
        answer(ann, task)
    (line,) = served.log()
    pair = served.server.texts.of(line["pair_id"], line["prompt_id"], (line["completion_a"], line["completion_b"]))
    left = line["completion_a"] if line["shown_left"] == "a" else line["completion_b"]
    assert task["left"][0]["content"] == pair.completions[left][0].content
    assert task["right"][0]["content"] != task["left"][0]["content"]
    assert task["prompt"][0]["role"] == "user"


def test_all_that_is_asked_is_recorded(serve):
    asked = {
        "page__strength": True,
        "page__reasons": ["short"],
        "page__criteria": ["style"],
        "page__comment": True,
    }
    served = serve(**asked)
    more = {"strength": "slightly", "reasons": ["short"], "criteria": {"style": "right"}, "comment": "hm"}
    with served.client("ann") as ann:
        assert answer(ann, ann.get("/api/next").json(), **more).status_code == 201
    (line,) = served.log()
    other = {"a": "b", "b": "a"}[line["shown_left"]]
    assert (line["strength"], line["reasons"], line["comment"]) == (0.5, ["short"], "hm")
    assert line["criteria"] == [("style", other)]


WRONG = [
    {"verdict": "middle"}, {"verdict": "a"}, {"verdict": "skip"}, {"verdict": None}, {"lease": None}, {"more": 1},
    {"duration_ms": -1}, {"duration_ms": "1"}, {"duration_ms": True}, {"duration_ms": 1.5}, {"duration_ms": None},
    {"strength": "clearly"}, {"reasons": ["x"]}, {"reasons": ["short", "short"]}, {"criteria": {"x": "left"}},
    {"criteria": {"style": "a"}}, {"comment": "\ud800"}, {"comment": "x" * 10_001},
]  # fmt: skip


def test_what_is_not_asked_is_refused_and_not_sent_back(serve):
    served = serve(page__verdicts=["tie"], page__comment=True, page__reasons=["short"], page__criteria=["style"])
    with served.client("ann", **{"Content-Type": "application/json"}) as ann:
        task = ann.get("/api/next").json()
        right = {"lease": task["lease"], "verdict": "left", "duration_ms": 1}
        for wrong in WRONG:
            refused = ann.post("/api/verdicts", content=json.dumps(right | wrong))
            assert refused.status_code == 422, wrong
            assert "1.5" not in refused.text
        for text in ("", "[]", "{", '{"lease": NaN}', "[" * 30_000, "null"):
            assert ann.post("/api/verdicts", content=text).status_code in (400, 422), text[:20]
    assert served.log() == []


def test_undo_gives_the_comparison_back(serve):
    served = serve()
    with served.client("ann") as ann:
        assert ann.post("/api/undo").status_code == 409
        task = ann.get("/api/next").json()
        answer(ann, task)
        undone = ann.post("/api/undo", json={"lease": task["lease"]}).json()
        again = ann.post("/api/undo", json={"lease": task["lease"]}).json()
        assert undone["lease"] == again["lease"] != task["lease"]
        assert (undone["pair_id"], undone["left"]) == (task["pair_id"], task["left"])
        assert ann.get("/api/next").json()["lease"] == undone["lease"]
        assert answer(ann, undone, "tie").status_code == 201
    assert [line["verdict"] and line["verdict"] in "ab" for line in served.log()] == [True, None, False]


def test_who_waits_is_told_why(serve):
    served = serve(count=1)
    with served.client("ann") as ann, served.client("bob") as bob:
        task = ann.get("/api/next").json()
        waits = bob.get("/api/next")
        assert (waits.status_code, waits.headers["x-prefloop-wait"], waits.content) == (204, "empty", b"")
        assert int(waits.headers["retry-after"]) > 0
        answer(ann, task)
        assert ann.get("/api/next").headers["x-prefloop-wait"] == "empty"


def test_who_has_answered_all_that_waits_is_told_that_others_must(serve):
    served = serve(count=1, wanted=2)
    with served.client("ann") as ann:
        answer(ann, ann.get("/api/next").json())
        waits = ann.get("/api/next")
        assert (waits.status_code, waits.headers["x-prefloop-wait"]) == (204, "others")
        assert int(waits.headers["retry-after"]) > 0


def test_the_budget_ends_it(serve):
    served = serve(campaign__budget__labels=1)
    with served.client("ann") as ann:
        answer(ann, ann.get("/api/next").json())
        assert ann.get("/api/next").headers["x-prefloop-wait"] == "budget"


def test_an_admin_sees_and_decides_conflicts(serve):
    served = serve(count=1, wanted=2)
    with served.client("ann") as ann, served.client("bob") as bob, served.client("lea") as lea:
        for name, client, wish in (("ann", ann, "a"), ("bob", bob, "b")):
            task = client.get("/api/next").json()
            left = served.server.desk.next(name).shown_left
            answer(client, task, "left" if left == wish else "right")
        conflicts = lea.get("/api/admin/conflicts").json()
        assert (conflicts["total"], conflicts["without_texts"]) == (1, 0)
        (conflict,) = conflicts["conflicts"]
        assert {vote["annotator"]: vote["verdict"] for vote in conflict["votes"]} == {"ann": "a", "bob": "b"}
        body = {"pair_id": conflict["pair_id"], "verdict": "b"}
        assert ann.post("/api/admin/adjudicate", json=body).status_code == 403
        assert ann.get("/api/admin/conflicts").status_code == 403
        decided = lea.post("/api/admin/adjudicate", json=body)
        assert (decided.status_code, lea.post("/api/admin/adjudicate", json=body).status_code) == (201, 200)
        assert lea.get("/api/admin/conflicts").json() == {"total": 0, "without_texts": 0, "conflicts": []}
        unknown = lea.post("/api/admin/adjudicate", json=body | {"pair_id": "none"})
        assert unknown.status_code == 404
    assert [line["purpose"] for line in served.log()] == [None, None, "adjudication"]


def test_status_guidelines_and_the_interface(serve, tmp_path):
    (tmp_path / "guide.md").write_text("# Be *kind*")
    served = serve(page__guidelines=str(tmp_path / "guide.md"))
    with served.client("lea") as lea:
        status, guide = lea.get("/api/status").json(), lea.get("/api/guidelines").json()
        assert (status["annotator"], status["role"]) == ("lea", "admin")
        assert guide["markdown"] == "# Be *kind*"
        task = lea.get("/api/next").json()
        assert task["guidelines_version"] == guide["version"]
        answer(lea, task)
    assert served.log()[0]["rubric_version"] == guide["version"]
    described = httpx2.get(f"{served.url}/api/openapi.json").json()
    paths = described["paths"]
    assert paths["/api/next"]["get"]["security"] == [{"HTTPBearer": []}]
    assert {"/api/next", "/api/verdicts", "/api/undo", "/api/status", "/api/guidelines"} <= set(paths)
    assert httpx2.get(f"{served.url}/docs").status_code == 404


def test_a_restart_knows_what_it_acknowledged(serve):
    served = serve()
    with served.client("ann") as ann:
        task = ann.get("/api/next").json()
        first = answer(ann, task)
    served.server.stop()
    served.server.desk.close()
    served.layout.queue.unlink()
    after = serve()
    with after.client("ann") as ann:
        again = answer(ann, task)
        assert (again.status_code, again.json()) == (200, first.json())
        assert ann.get("/api/next").json()["pair_id"] != task["pair_id"]
    assert len(after.log()) == 1


def test_pairs_whose_texts_have_left_the_data_block_nobody(serve, tmp_path):
    said = [
        label(n, annotator=who, verdict=word, lease=f"{who}{n}", shown_left="a")
        for n in range(20)
        for who, word in (("ann", "a"), ("bob", "b"))
    ]
    LabelLog(Layout.folder(tmp_path).labels).append(said)
    served = serve(count=6, page__repeat_share=0.5)
    path = served.layout.prepared / "prompts.parquet"
    prompts, batch = read_table(path), read_table(served.layout.batch)
    write_table(path, prompts.filter(pc.not_equal(prompts["prompt_id"], batch["prompt_id"][0])))
    left = [pair for pair in batch.to_pylist() if pair["prompt_id"] != batch["prompt_id"][0].as_py()]
    with served.client("ann") as ann, served.client("lea") as lea:
        conflicts = lea.get("/api/admin/conflicts").json()
        assert conflicts == {"total": 20, "without_texts": 20, "conflicts": []}
        undone = ann.post("/api/undo", json={"lease": "ann3"})
        assert (undone.status_code, undone.json()["code"]) == (410, "gone")
        asked = []
        while (reply := ann.get("/api/next")).status_code == 200:
            asked.append(reply.json()["pair_id"])
            answer(ann, reply.json())
        assert set(asked) == {pair["pair_id"] for pair in left}
        assert reply.headers["x-prefloop-wait"] == "empty"
        write_table(path, prompts)
        write_batch(served.layout, 6, 1)
        assert ann.get("/api/next").json()["pair_id"] == batch["pair_id"][0].as_py()
