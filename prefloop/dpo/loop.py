"""One run: rounds of write, choose, ask, train, evaluate, resumable at every round."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from prefloop.dpo.asking import LabelledPair, RoundLabels, label_round
from prefloop.dpo.config import Policy, Run, Train
from prefloop.dpo.evaluation import Evaluator, summarise
from prefloop.dpo.facts import label_facts
from prefloop.dpo.language_model import LanguageModel, weights_digest
from prefloop.dpo.problem import Problem
from prefloop.dpo.record import DpoStore, RoundRecord
from prefloop.dpo.registry import RULES
from prefloop.dpo.roundview import RoundDesk, Sketches
from prefloop.dpo.training import Preference, train_dpo
from prefloop.dpo.view import OnPolicyPairs
from prefloop.dpo.writing import WrittenPair
from prefloop.errors import StateError
from prefloop.labels.comparison import Annotator, Comparison
from prefloop.labels.verdicts import trained_by
from prefloop.rng import Stream, generator

log = logging.getLogger("prefloop")


@dataclass(frozen=True)
class DpoSpec:
    """What identifies one run: a named policy, a seed, and the parameters in force."""

    name: str
    policy: Policy
    seed: int
    run: Run
    train: Train


@dataclass
class RunState:
    """All that a run has done so far.

    Attributes:
        records: finished rounds, round 0 first.
        policy: the policy after the last of them.
        asked: prompts that the oracle was asked about.
        sketches: directions of labelled pairs, where a rule wanted them.
    """

    records: list[RoundRecord]
    policy: LanguageModel
    asked: set[int] = field(default_factory=set)
    sketches: Sketches = field(default_factory=dict)

    @property
    def labelled(self) -> list[LabelledPair]:
        """Every label so far, in order."""
        return [pair for record in self.records for pair in record.labelled]


def run_rounds(
    problem: Problem,
    oracle: Annotator,
    evaluator: Evaluator,
    spec: DpoSpec,
    store: DpoStore,
    on_round: Callable[[RoundRecord, float], None],
) -> RunState:
    """Run, or resume, one (policy, seed).

    Args:
        problem: what selection may see.
        oracle: answers chosen pairs.
        evaluator: reads test prompts; called after a round's policy is trained.
        spec: policy, seed and parameters.
        store: finished rounds are read from and committed to it.
        on_round: called with every newly finished round and the seconds it took.

    Returns:
        All rounds and the last policy.

    Raises:
        NothingLeft: the pool's prompts do not last.
        ModelError: the oracle answers nothing any more.
        StateError: the reference's weights have changed, or the loss is not finite.
    """
    digest = weights_digest(problem.reference.model)
    state = _resume(problem, spec, store)
    for number in range(len(state.records), spec.run.rounds + 1):
        start = time.perf_counter()
        record, policy, clock = _round(problem, oracle, evaluator, spec, state, number)
        if weights_digest(problem.reference.model) != digest:
            raise StateError("the reference's weights have changed during a round: a defect; nothing was kept")
        record.facts["reference"] = digest
        store.commit(record, None if policy.model is problem.reference.model else policy.model)
        store.note({"round": number, **clock})
        state.records.append(record)
        state.policy = policy
        on_round(record, time.perf_counter() - start)
    return state


def _resume(problem: Problem, spec: DpoSpec, store: DpoStore) -> RunState:
    records = store.load()[: spec.run.rounds + 1]
    state = RunState(records, problem.reference)
    for record in records:
        state.asked |= {of.pair.prompt for of in record.labelled} | set(record.unanswered)
    if records and (number := records[-1].number):
        log.info("%s-%d: resuming after round %d", spec.name, spec.seed, number)
        state.policy = _kept_policy(problem, spec, store, state.labelled, number)
    return state


def _kept_policy(
    problem: Problem, spec: DpoSpec, store: DpoStore, labelled: list[LabelledPair], number: int
) -> LanguageModel:
    kept = store.load_policy(number, problem.reference.model)
    if kept is not None:
        return problem.reference.with_model(kept)
    if not _preferences(problem, labelled):
        return problem.reference
    start = problem.reference
    if spec.train.mode == "continue" and number > 1:
        before = labelled[: (number - 1) * spec.run.labels]
        start = _kept_policy(problem, spec, store, before, number - 1)
    return _train(problem, spec, start, labelled, number)[0]


def _round(
    problem: Problem, oracle: Annotator, evaluator: Evaluator, spec: DpoSpec, state: RunState, number: int
) -> tuple[RoundRecord, LanguageModel, dict[str, float]]:
    clock = Clock()
    desk = RoundDesk(
        problem,
        state.policy,
        spec.train.beta,
        state.labelled,
        state.asked,
        state.sketches,
        spec.seed,
        number,
    )
    labels = RoundLabels([], [], 0, 0)
    policy, losses = state.policy, list[float]()
    if number:
        labels = _label(problem, oracle, spec, state, desk, number, clock)
        start = problem.reference if spec.train.mode == "reset" else state.policy
        labelled = [*state.labelled, *labels.labelled]
        desk.forget_all_but(labelled)
        policy, losses = _train(problem, spec, start, labelled, number)
        clock.lap("train")
    evaluated = evaluator(policy)
    clock.lap("evaluate")
    before = state.records[-1].facts if state.records else None
    facts = {
        "policy": spec.name,
        "seed": spec.seed,
        "round": number,
        **label_facts(labels, before, desk, spec.train.beta),
        "loss_first": losses[0] if losses else None,
        "loss_last": losses[-1] if losses else None,
        **summarise(evaluated),
    }
    return RoundRecord(number, labels.labelled, labels.unanswered, evaluated, facts), policy, clock.seconds


def _label(
    problem: Problem,
    oracle: Annotator,
    spec: DpoSpec,
    state: RunState,
    desk: RoundDesk,
    number: int,
    clock: Clock,
) -> RoundLabels:
    rule = RULES[spec.policy.rule]

    def choose(m: int, attempt: int) -> OnPolicyPairs:
        clock.lap("ask")
        chosen = rule(desk.view, m, generator(spec.seed, number, Stream.SELECT, attempt + 1), spec.policy)
        clock.lap("choose")
        return chosen

    def shown(pair: WrittenPair) -> Comparison:
        return Comparison(problem.prompts.texts[pair.prompt], *(problem.text(t) for t in pair.completions))

    labels = label_round(spec.run.labels, choose, desk.pair, shown, oracle, state.asked, desk.add_label)
    clock.lap("ask")
    return labels


def _train(
    problem: Problem, spec: DpoSpec, start: LanguageModel, labelled: Sequence[LabelledPair], number: int
) -> tuple[LanguageModel, list[float]]:
    preferences = _preferences(problem, labelled)
    if not preferences:  # nothing but ties
        return start, []
    model, losses = train_dpo(start.model, start.tokenizer, preferences, spec.train, seed=spec.seed, round_=number)
    return start.with_model(model), losses


def _preferences(problem: Problem, labelled: Sequence[LabelledPair]) -> list[Preference]:
    trained = trained_by(np.array([of.verdict for of in labelled], dtype=np.int64))
    sides = zip(trained.rows.tolist(), trained.winner.tolist(), trained.loser.tolist(), strict=True)
    found = []
    for row, chosen, rejected in sides:
        pair = labelled[row].pair
        found.append(
            Preference(
                prompt=problem.tokens[pair.prompt],
                chosen=pair.completions[chosen],
                rejected=pair.completions[rejected],
                reference_chosen=pair.log_reference[chosen],
                reference_rejected=pair.log_reference[rejected],
            )
        )
    return found


class Clock:
    """Seconds by part of a round."""

    def __init__(self) -> None:
        self.seconds: dict[str, Any] = {}
        self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        """Count the time since the last lap as `part`'s."""
        now = time.perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now
