"""One simulated run on a pool, round by round."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefloop.config.model import Benchmark, Reward
from prefloop.config.policies import Policy
from prefloop.data.pairs import Pairs
from prefloop.device import resolve_device
from prefloop.errors import StateError
from prefloop.labels.labelled import Labelled
from prefloop.labels.soft import Ties
from prefloop.oracle.calls import AnnotationCalls
from prefloop.oracle.hidden import HiddenAnswers
from prefloop.oracle.simulated import SimulatedOracle
from prefloop.pool.evaluated_round import NewRound, evaluate_round
from prefloop.pool.problem import Problem
from prefloop.pool.record import PoolFormat, RoundRecord
from prefloop.pool.steps import (
    Batch,
    check_budget,
    choose_batch,
    fit_round,
    random_pairs,
)
from prefloop.reward.registry import UncertaintyModel, load_model, save_model
from prefloop.rng import Stream
from prefloop.rounds.store import RoundStore

log = logging.getLogger("prefloop")


@dataclass(frozen=True)
class RunSpec:
    """What identifies one run: a named policy, a seed, and the parameters in force; of `labels` the ties alone.

    The simulated annotator says one verdict of a pair, so there is nothing to aggregate, and no strength.
    """

    name: str
    policy: Policy
    seed: int
    benchmark: Benchmark
    reward: Reward
    ties: Ties


class PoolRun:
    """A simulated run on a pool: choose, reveal, train, evaluate.

    Args:
        problem: what selection may see.
        hidden: evaluation pairs; read after a round's model is trained.
        oracle: answers chosen pairs.
        spec: policy, seed and parameters.

    Attributes:
        labelled: everything labelled so far, in order, by the verdicts.
        trains: the same as it trains.
        model: trained on all of it; there once a round was played or resumed.
    """

    form = PoolFormat()
    model: UncertaintyModel

    def __init__(self, problem: Problem, hidden: HiddenAnswers, oracle: SimulatedOracle, spec: RunSpec) -> None:
        self._problem, self._hidden, self._oracle, self._spec = problem, hidden, oracle, spec
        self._calls = AnnotationCalls(oracle, len(problem.completions))
        self.labelled = Labelled.empty()

    @property
    def trains(self) -> Labelled:
        """See above."""
        return self.labelled.with_ties(self._spec.ties)

    @property
    def rounds(self) -> int:
        """How many, the initial labels included."""
        return self._spec.benchmark.rounds

    def resume(self, records: list[RoundRecord], store: RoundStore[RoundRecord]) -> None:
        """Take up the state after these rounds.

        Raises:
            ConfigError: the budget is above what the pool allows (before anything is spent).
        """
        spec = self._spec
        check_budget(self._problem.pool, spec.policy, spec.benchmark, spec.seed)
        self.store = store
        self._validation = self._draw_validation()
        for record in records:
            self.labelled = self.labelled.join(record.batch.pairs, record.verdicts)
            self._calls.add(record.batch.pairs, record.looked_at)
        if records:
            log.info("%s-%d: resuming after round %d", spec.name, spec.seed, records[-1].number)
            self.model = self._kept_model(records[-1].number)

    def play(self, number: int) -> RoundRecord:
        """Choose a batch, reveal its answers, train on all labels so far and evaluate the model."""
        batch = self._choose(number)
        looked_at = self._calls.looked_at()
        verdicts = self._oracle.verdicts(batch.pairs.a, batch.pairs.b)
        self._calls.add(batch.pairs, looked_at)
        self.labelled = self.labelled.join(batch.pairs, verdicts)
        self.model = self._fit(number)
        spec = self._spec
        identity = {"policy": spec.name, "seed": spec.seed, "n_val_labels": spec.benchmark.validation}
        new = NewRound(number, batch, verdicts, looked_at, self._calls.total)
        return evaluate_round(self._problem, self._hidden, identity, self.model, self.labelled, new)

    def save(self) -> Callable[[Path], None]:
        """What writes the model."""
        return lambda path: save_model(path, self._spec.reward.kind, self.model, {})

    def notes(self) -> dict[str, Any]:
        """How long the fit took."""
        return {"event": "fit", "seconds": self._fit_seconds}

    def _draw_validation(self) -> Labelled | None:
        spec = self._spec
        if not spec.benchmark.validation:
            return None
        pairs = random_pairs(
            self._problem.pool, spec.benchmark.validation, Pairs.empty(), spec.seed, Stream.VALIDATION
        ).pairs
        return Labelled(pairs, self._oracle.verdicts(pairs.a, pairs.b)).with_ties(spec.ties)

    def _choose(self, number: int) -> Batch:
        spec, config = self._spec, self._spec.benchmark
        reserved = self._validation.pairs if self._validation is not None else Pairs.empty()
        if number == 0:
            return random_pairs(self._problem.pool, config.initial, reserved, spec.seed, Stream.INITIAL)
        return choose_batch(
            self._problem,
            spec.policy,
            self.model,
            self.labelled.pairs,
            reserved,
            config.batch,
            seed=spec.seed,
            round_=number,
            judge=self._calls.scores,
        )

    def _fit(self, number: int) -> UncertaintyModel:
        start, spec = time.perf_counter(), self._spec
        model = fit_round(
            self._problem,
            spec.reward,
            self.trains,
            self._validation,
            device=spec.benchmark.device,
            seed=spec.seed,
            round_=number,
        )
        self._fit_seconds = time.perf_counter() - start
        return model

    def _kept_model(self, number: int) -> UncertaintyModel:
        if (path := self.store.weights(number)) is not None:
            try:
                return load_model(path, resolve_device(self._spec.benchmark.device))[0]
            except StateError as error:
                log.warning("%s; the model is trained again", error)
        model = self._fit(number)
        self.store.note({"round": number, **self.notes()})
        return model
