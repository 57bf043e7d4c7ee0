"""Status of a campaign: all numbers that terminal, admin's page and MLflow show of it, computed here alone."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.campaign.audited import audited
from prefloop.campaign.ceiling import FEWEST
from prefloop.campaign.checks import AskedTwice, asked_twice, gold_answers
from prefloop.campaign.habits import Words, habits
from prefloop.campaign.issued import ISSUED, read_issued
from prefloop.campaign.learned import learned
from prefloop.campaign.tally import (
    amount,
    budget_left,
    guidelines_of,
    pairs_of,
    round_of,
    speed,
    spent_by,
    waiting,
    waiting_for_others,
)
from prefloop.config import Params
from prefloop.data.readers import Meaning
from prefloop.desk.budget import Budget
from prefloop.desk.gold import read_gold
from prefloop.io.arrays import read_table
from prefloop.io.layout import Layout
from prefloop.labels.aggregate import aggregate, standing_votes
from prefloop.labels.agreement import agreement, agreement_by_person
from prefloop.labels.lines import NO_LINES
from prefloop.labels.log import LabelLog
from prefloop.labels.verdicts import WORDS, Word

# Seconds for which all who look at a status see the same one.
_KEPT_S = 5.0


class StatusReader:
    """Status of one campaign, again and again, for any number of threads: of the log only what is new is read.

    Args:
        params: parameters in force.
        layout: where log, batch and issued pairs lie.
        gold: known verdicts of gold items by pair id; None: they are read from the file of `page.gold`.

    Raises:
        ConfigError, DataError: a file of gold items that cannot be used.
    """

    def __init__(self, params: Params, layout: Layout, gold: Mapping[str, Word] | None = None) -> None:
        self._params, self._layout = params, layout
        self._log, self._lines = LabelLog(layout.labels), NO_LINES
        path = params.page.gold
        if gold is None:
            gold = {} if path is None else read_gold(path, Meaning.of(params.data)).verdicts
        self._gold = gold
        self._lock, self._sharing = Lock(), Lock()
        self._kept: dict[str, Any] = {}
        self._kept_until = -math.inf

    def status(self, now: datetime) -> dict[str, Any]:
        """The status now; see `status_of`.

        Raises:
            DataError: a line that is no label.
            StateError: a damaged batch or list of issued pairs.
        """
        with self._lock:
            news = self._log.read_on()
            if news.is_whole:
                self._lines = news.lines
            elif len(news.lines):
                self._lines = pa.concat_tables([self._lines, news.lines]).combine_chunks()
            lines = self._lines
        batch = read_table(self._layout.batch) if self._layout.batch.exists() else None
        issued = read_issued(self._layout.issued)
        issued = ISSUED.empty_table() if issued is None else issued
        return status_of(self._params, lines, issued, batch, self._gold, now)

    def shared(self, now: datetime) -> dict[str, Any]:
        """The status some seconds ago, one for all who ask: it is made again after ten times what making it took.

        Raises:
            DataError, StateError: as for `status`.
        """
        with self._sharing:
            begun = time.monotonic()
            if begun >= self._kept_until:
                self._kept = self.status(now)
                ended = time.monotonic()
                self._kept_until = ended + max(_KEPT_S, 10 * (ended - begun))
            return self._kept


def campaign_status(params: Params, layout: Layout, now: datetime) -> dict[str, Any]:
    """The status of a campaign, read once; who asks often keeps a `StatusReader`.

    Args:
        params: parameters in force.
        layout: where log, batch and issued pairs lie.
        now: the time, with its zone.

    Returns:
        As `status_of`.

    Raises:
        ConfigError, DataError: a line that is no label, or a file of gold items that cannot be used.
        StateError: a damaged batch or list of issued pairs.
    """
    return StatusReader(params, layout).status(now)


def status_of(
    params: Params,
    lines: pa.Table,
    issued: pa.Table,
    batch: pa.Table | None,
    gold: Mapping[str, Word],
    now: datetime,
) -> dict[str, Any]:
    """The status by what the files hold; ready for JSON, a number that is not known is None.

    Args:
        params: parameters in force.
        lines: the label log.
        issued: a table of `issued.ISSUED`.
        batch: the open batch, None before the first.
        gold: known verdicts of gold items by pair id.
        now: the time, with its zone.

    Returns:
        now, ISO 8601; round, of the open batch, else the last one; waiting, verdicts that the batch still wants;
        waiting_for_others, its pairs that have an answer and want a further person;
        labels, standing votes, rulings apart; pairs: labelled, decided, undecided, disputed, ruled; verdicts,
        standing votes by word;
        spend: labels, money, hours, currency, by_source; budget: by labels, money and hours the limit and what is
        left; speed: last_hour, verdicts of the last 60 minutes, per_hour, in an hour of work, median_seconds;
        annotators, rows of `habits.habits`; agreement, of all pairs and of the audit slice: pairs, votes, raw and
        alpha with intervals; guidelines, verdicts by version; and audit, curve, gain and advice of `learned`.
    """
    standing, pairs = standing_votes(lines), aggregate(lines, params.labels)
    votes = standing.filter(pc.is_null(standing["purpose"]))
    budget = Budget.of(params)
    spent = budget.spent_by(lines)
    limits, twice = budget_left(params, spent), asked_twice(lines)
    # As the desk, which asks nobody whose answer might not be covered.
    passed = budget.passed(spent + budget.most())
    return {
        "now": now.isoformat(timespec="seconds"),
        "round": round_of(batch, issued, lines),
        "waiting": waiting(batch, pairs),
        "waiting_for_others": waiting_for_others(batch, pairs),
        "labels": len(votes),
        "pairs": pairs_of(pairs),
        "verdicts": {word: int(pc.sum(pc.equal(votes["verdict"], word)).as_py() or 0) for word in WORDS},
        "spend": {
            **amount(spent),
            "currency": params.campaign.cost.currency,
            "by_source": spent_by(budget, lines, "source"),
        },
        "budget": limits,
        "speed": speed(lines, now),
        "annotators": _annotators(budget, lines, votes, gold, twice),
        "guidelines": guidelines_of(lines),
        **_learned(params, issued, batch, standing, pairs, limits, passed, twice),
    }


def _learned(
    params: Params,
    issued: pa.Table,
    batch: pa.Table | None,
    standing: pa.Table,
    pairs: pa.Table,
    limits: dict[str, dict[str, float | None]],
    passed: tuple[str, ...],
    twice: AskedTwice,
) -> dict[str, Any]:
    audit_ids = issued.filter(pc.equal(issued["kind"], "audit"))["pair_id"].combine_chunks()
    in_slice = standing.filter(pc.is_in(standing["pair_id"], value_set=audit_ids))
    config = params.campaign
    audit = audited(issued, standing)
    used = tuple(
        f"the budget of {name} {'covers no further comparison' if limits[name]['left'] else 'is spent'}"
        for name in passed
    )
    is_used_up = batch is not None and not len(batch) and len(pairs) > 0
    measured = {
        name: asdict(agreement(some, confidence=config.stop.confidence, seed=config.seed))
        for name, some in (("all", standing), ("audit", in_slice))
    }
    # Where hardly any pair has votes of two people, those of one person asked again: they agree more.
    overlapping = audit.votes[audit.votes.sum(axis=1) > 1]
    couples = overlapping if len(overlapping) >= FEWEST else twice.votes
    return {
        "agreement": measured,
        **learned(config, audit, couples, len(pairs), standing["purpose"].null_count, used, is_used_up),
    }


def _annotators(
    budget: Budget, lines: pa.Table, votes: pa.Table, gold: Mapping[str, Word], twice: AskedTwice
) -> list[dict[str, Any]]:
    known: dict[str, dict[str, Any]] = {}
    # Who has but ruled is no annotator.
    work = lines.filter(pc.fill_null(pc.not_equal(lines["purpose"], "adjudication"), True))
    agreeing = {
        row.annotator: {"overlapping": row.votes, "agreement": row.agreement, "kappa": row.kappa}
        for row in agreement_by_person(votes)
    }
    money = {name: {"money": row["money"]} for name, row in spent_by(budget, work, "annotator").items()}
    for facts in (agreeing, money, gold_answers(lines, gold), twice.by_name()):
        for name, values in facts.items():
            known.setdefault(name, {}).update(values)
    return habits(Words.of(votes), known)
