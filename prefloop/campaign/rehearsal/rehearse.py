"""A rehearsed campaign: a copy of the folder, the real server and loop, simulated people, and what came of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pyarrow as pa

from prefloop.campaign.folder import write_folder
from prefloop.campaign.rehearsal.driver import START, Clock, Seat, drive
from prefloop.campaign.rehearsal.people import people_of
from prefloop.campaign.rounds import RoundFailed, Rounds
from prefloop.campaign.running import Running, running
from prefloop.config import Params
from prefloop.config.edit import with_values
from prefloop.desk.people import People, Person, digest_of, new_token
from prefloop.desk.task import Shown
from prefloop.io.arrays import read_table
from prefloop.io.json import read_json
from prefloop.io.layout import Layout
from prefloop.messages.message import as_dicts
from prefloop.oracle.truth import Truth
from prefloop.page.texts import Texts

_STARTED_S = 60.0


def rehearse(
    params: Params, text: str, source: Layout, folder: Path, limit: int | None, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Rehearse a campaign from its first batch.

    Args:
        params: parameters in force (sections `rehearsal` and `oracle` among them).
        text: their file.
        source: the campaign; it is only read.
        folder: where the copy is made; missing or empty.
        limit: labels at most, or None.
        tell: called with lines of the first round's output, and one after each round.

    Returns:
        ended, why; rounds, by round labels, pairs, money, hours, score and accuracy on the clean answers of the
        test split, and the audit slice's estimate of the score on votes; elapsed_hours, from the first question to
        the last verdict; and the final status, as `prefloop status --json`.

    Raises:
        DataError: the data have no answers.
        ConfigError: the folder is not empty.
        RoundFailed: a round could not be made.
    """
    if source.prepared.is_dir():
        Truth(params.oracle, source.prepared)
    copy_campaign(params, text, source, folder, limit)
    layout = Layout(folder / "data", folder / ".prefloop")
    Rounds(layout, tell, folder).make()
    seats = [Seat(person, new_token()) for person in people_of(params.rehearsal)]
    people = People(layout.people, [Person(s.person.name, "annotator", digest_of(s.token)) for s in seats])
    changed = params.model_copy(update=_for_the_desk(params, limit))
    clock, rows, truth = Clock(), [], Sides(params, layout)

    def after_a_round(campaign: Running, failure: RoundFailed | None) -> None:
        if failure is not None:
            raise failure
        truth.refresh()
        rows.append(row_of(campaign.status(), read_json(layout.campaign_metrics)))
        tell(line_of(rows[-1]))

    rounds = Rounds(layout, folder=folder)
    with running(changed, layout, people, rounds, after_a_round, clock=clock) as campaign:
        server = started(campaign)
        try:
            patience = 3 * 60 * params.page.lease_minutes
            ended = drive(campaign.server.url, seats, truth, clock, campaign.loop.step, patience)
        finally:
            campaign.server.stop()
            server.join()
        status = campaign.status()
    elapsed = (clock.now - START) / 3600
    return {"ended": ended, "rounds": rows, "elapsed_hours": round(elapsed, 4), "status": status}


def copy_campaign(params: Params, text: str, source: Layout, folder: Path, limit: int | None) -> None:
    """Make a campaign folder with the same parameters and data as another, without its labels."""
    changes: dict[str, Any] = {"data.raw": "data/raw", "tracking.enabled": False, "page.gold": None}
    changes |= {"page.gold_share": 0.0, "page.guidelines": None, "benchmark.policies": []}
    for key, path in (("data.hub.path", params.data.hub.path), ("embed.model", Path(params.embed.model))):
        if path is not None and path.exists():
            changes[key] = str(path.resolve())
    if limit is not None:
        changes["campaign.budget.labels"] = limit
    write_folder(folder, with_values(text, changes), None)
    vectors = source.state / "embeddings"
    for there, here in (
        (params.data.raw, folder / "data" / "raw"),
        (vectors, folder / ".prefloop" / "embeddings"),
    ):
        if there.is_dir():
            shutil.copytree(there, here, dirs_exist_ok=True)


class Sides:
    """The better side of a task, found by its texts; the server says no more to those who answer.

    Args:
        params: parameters in force.
        layout: the rehearsed campaign.
    """

    def __init__(self, params: Params, layout: Layout) -> None:
        self._layout, self._truth = layout, Truth(params.oracle, layout.prepared)
        self._texts = Texts(layout.prepared, layout.batch, {})
        self._pairs: dict[str, dict[str, str]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take up a new batch."""
        batch: pa.Table = read_table(self._layout.batch, ["pair_id", "prompt_id", "completion_a", "completion_b"])
        self._pairs |= {row["pair_id"]: row for row in batch.to_pylist()}

    def __call__(self, task: Mapping[str, Any]) -> Shown:
        """Which side is better, or tie."""
        row = self._pairs[task["pair_id"]]
        a, b = row["completion_a"], row["completion_b"]
        better = self._truth.better(a, b)
        if better == "tie":
            return "tie"
        texts = self._texts.of(row["pair_id"], row["prompt_id"], (a, b)).completions
        shown = [{key: value for key, value in message.items() if key != "html"} for message in task["left"]]
        is_a_left = _said(shown) == _said(as_dicts(texts[a]))
        return "left" if is_a_left == (better == "a") else "right"


def row_of(status: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What a round has cost and brought.

    The scores have different targets: the test's answers are free of noise and without ties, while `estimate`
    is of what people say on new pairs of the pool, their errors included and a tie as half a vote each way.
    """
    test, spend = metrics["splits"].get("test", {}), status["spend"]
    score = status["score"]
    return {
        "round": status["round"],
        "labels": status["labels"],
        "pairs": status["pairs"]["labelled"],
        "money": spend["money"],
        "hours": spend["hours"],
        "test_log_likelihood": test.get("log_likelihood"),
        "test_accuracy": test.get("accuracy"),
        "estimate": score,
    }


def line_of(row: Mapping[str, Any]) -> str:
    """The same in a line for people."""
    clean, estimate = row["test_log_likelihood"], row["estimate"]
    score = "no test score" if clean is None else f"log-likelihood {clean:.4f} on clean test answers"
    by_audit = "" if estimate is None else f", {estimate['value']:.4f} on people's votes (audit slice)"
    return f"{row['labels']} labels on {row['pairs']} pairs, {row['hours']:.2f} h: {score}{by_audit}"


def _said(messages: list[dict[str, Any]]) -> list[tuple[Any, Any, str]]:
    return [(one["role"], one["content"], str(one.get("tool_calls") or "")) for one in messages]


def _for_the_desk(params: Params, limit: int | None) -> dict[str, Any]:
    """Sections that the rehearsed desk has other than the campaign's."""
    page = params.page.model_copy(update={"gold": None, "gold_share": 0.0, "guidelines": None})
    budget = params.campaign.budget
    if limit is not None:
        budget = budget.model_copy(update={"labels": limit})
    return {"page": page, "campaign": params.campaign.model_copy(update={"budget": budget})}


def started(campaign: Running) -> Thread:
    """The server in a thread of its own, once it answers."""
    answers = Event()
    thread = Thread(target=campaign.server.run, args=(lambda url: answers.set(),), name="server", daemon=True)
    thread.start()
    answers.wait(_STARTED_S)
    return thread
