"""One run of active DPO, round by round."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prefloop.dpo.asking import LabelledPair, RoundLabels, label_round
from prefloop.dpo.config import Evaluation, Policy, Run, Train
from prefloop.dpo.evaluation import Evaluator, start_completions, summarise
from prefloop.dpo.language_model import LanguageModel, load_weights, save_weights, weights_digest
from prefloop.dpo.metrics import ROUNDS
from prefloop.dpo.problem import Problem
from prefloop.dpo.record import DpoFormat, RoundRecord, pack_tokens, unpack_tokens
from prefloop.dpo.registry import RULES
from prefloop.dpo.round_facts import label_facts
from prefloop.dpo.roundview import RoundDesk, Sketches
from prefloop.dpo.training import Preference, train_dpo
from prefloop.dpo.view import OnPolicyPairs
from prefloop.dpo.writing import WrittenPair
from prefloop.errors import StateError
from prefloop.labels.comparison import Annotator, Comparison
from prefloop.labels.verdicts import shares, trained_by
from prefloop.rng import Stream, generator
from prefloop.rounds.store import RoundStore

log = logging.getLogger("prefloop")


@dataclass(frozen=True)
class DpoSpec:
    """What identifies one run: a named policy, a seed, and the parameters in force."""

    name: str
    policy: Policy
    seed: int
    run: Run
    train: Train
    evaluation: Evaluation


class DpoRun:
    """A run of active DPO: write, choose, ask, train, evaluate; round 0 is the start model as it is.

    Args:
        problem: what selection may see.
        oracle: answers chosen pairs.
        judges: who compares the policy with the start model on test prompts: the oracle without its noise,
            and the judge that never trains.
        spec: policy, seed and parameters.

    Attributes:
        policy: the policy after the rounds so far.
        evaluator: reads test prompts, after a round's policy is trained; there once the run was resumed.
    """

    form = DpoFormat()
    evaluator: Evaluator

    def __init__(
        self, problem: Problem, oracle: Annotator, judges: tuple[Annotator, Annotator], spec: DpoSpec
    ) -> None:
        self._problem, self._oracle, self._judges, self._spec = problem, oracle, judges, spec
        self._digest = weights_digest(problem.reference.model)
        self._records: list[RoundRecord] = []
        self._asked: set[int] = set()
        # Directions of labelled pairs, where a rule wanted them.
        self._sketches: Sketches = {}
        self.policy = problem.reference

    @property
    def rounds(self) -> int:
        """How many, the start model's included."""
        return self._spec.run.rounds + 1

    def resume(self, records: list[RoundRecord], store: RoundStore[RoundRecord]) -> None:
        """Take up the state after these rounds."""
        self._records, self._store = list(records), store
        start = self._start_completions(store)
        self.evaluator = Evaluator(self._problem, self._spec.evaluation, *self._judges, self._spec.seed, start)
        for record in records:
            self._asked |= {label.pair.prompt for label in record.labelled} | set(record.unanswered)
        if records and (number := records[-1].number):
            log.info("%s-%d: resuming after round %d", self._spec.name, self._spec.seed, number)
            self.policy = self._kept_policy(self._labelled, number)

    def play(self, number: int) -> RoundRecord:
        """Write, choose, ask and train (but for round 0), then evaluate.

        Raises:
            NothingLeft: the pool's prompts do not last.
            ModelError: the oracle answers nothing any more.
            StateError: the reference's weights have changed, or the loss is not finite.
        """
        clock = Clock()
        record = self._round(number, clock)
        if weights_digest(self._problem.reference.model) != self._digest:
            raise StateError("the reference's weights have changed during a round: a defect; nothing was kept")
        record.facts["reference"] = self._digest
        self._records.append(record)
        self._seconds = clock.seconds
        return record

    def save(self) -> Callable[[Path], None] | None:
        """What writes the policy's weights; None while it is the reference."""
        model = self.policy.model
        return None if model is self._problem.reference.model else lambda path: save_weights(path, model)

    def notes(self) -> dict[str, Any]:
        """Seconds by part of the round."""
        return self._seconds

    def _start_completions(self, store: RoundStore[RoundRecord]) -> list[tuple[int, ...]]:
        if (kept := store.kept("start")) is not None:
            return unpack_tokens("start", kept[0])
        start = start_completions(self._problem, self._spec.evaluation, self._spec.seed)
        store.keep("start", pack_tokens("start", start), {})
        return start

    @property
    def _labelled(self) -> list[LabelledPair]:
        return [pair for record in self._records for pair in record.labelled]

    def _kept_policy(self, labelled: list[LabelledPair], number: int) -> LanguageModel:
        reference = self._problem.reference
        if (path := self._store.weights(number)) is not None:
            try:
                return reference.with_model(load_weights(path, reference.model))
            except StateError as error:
                log.warning("%s; the policy is trained again", error)
        if not _preferences(self._problem, labelled):
            return reference
        start = reference
        if self._spec.train.mode == "continue" and number > 1:
            before = labelled[: (number - 1) * self._spec.run.batch]
            start = self._kept_policy(before, number - 1)
        return self._train(start, labelled, number)[0]

    def _round(self, number: int, clock: Clock) -> RoundRecord:
        spec = self._spec
        desk = RoundDesk(
            self._problem,
            self.policy,
            spec.train.beta,
            self._labelled,
            self._asked,
            self._sketches,
            spec.seed,
            number,
        )
        labels, losses = RoundLabels([], [], 0, 0), list[float]()
        if number:
            labels = self._label(desk, number, clock)
            start = self._problem.reference if spec.train.mode == "reset" else self.policy
            labelled = [*self._labelled, *labels.labelled]
            desk.forget_all_but(labelled)
            self.policy, losses = self._train(start, labelled, number)
            clock.lap("train")
        evaluated = self.evaluator(self.policy)
        clock.lap("evaluate")
        before = self._records[-1].facts if self._records else None
        facts = {
            "policy": spec.name,
            "seed": spec.seed,
            "round": number,
            **label_facts(labels, before, desk, spec.train.beta),
            "loss_first": losses[0] if losses else None,
            "loss_last": losses[-1] if losses else None,
            **summarise(evaluated),
        }
        return RoundRecord(number, labels.labelled, labels.unanswered, evaluated, ROUNDS.row(facts))

    def _label(self, desk: RoundDesk, number: int, clock: Clock) -> RoundLabels:
        spec, problem = self._spec, self._problem
        rule = RULES[spec.policy.rule]

        def choose(m: int, attempt: int) -> OnPolicyPairs:
            clock.lap("ask")
            rng = generator(spec.seed, number, Stream.SELECT, attempt + 1)
            chosen = rule.choose(desk.view, m, rng, spec.policy)
            clock.lap("choose")
            return chosen

        def shown(pair: WrittenPair) -> Comparison:
            return Comparison(problem.prompts.texts[pair.prompt], *(problem.text(t) for t in pair.completions))

        labels = label_round(spec.run.batch, choose, desk.pair, shown, self._oracle, self._asked, desk.add_label)
        clock.lap("ask")
        return labels

    def _train(
        self, start: LanguageModel, labelled: Sequence[LabelledPair], number: int
    ) -> tuple[LanguageModel, list[float]]:
        preferences = _preferences(self._problem, labelled)
        if not preferences:  # nothing but ties
            return start, []
        spec = self._spec
        model, losses = train_dpo(
            start.model, start.tokenizer, preferences, spec.train, seed=spec.seed, round_=number
        )
        return start.with_model(model), losses


def _preferences(problem: Problem, labelled: Sequence[LabelledPair]) -> list[Preference]:
    trained = trained_by(shares(np.array([label.verdict for label in labelled], dtype=np.int64)))
    sides = zip(trained.rows.tolist(), trained.winner.tolist(), trained.loser.tolist(), strict=True)
    preferences = []
    for row, chosen, rejected in sides:
        pair = labelled[row].pair
        preferences.append(
            Preference(
                prompt=problem.tokens[pair.prompt],
                chosen=pair.completions[chosen],
                rejected=pair.completions[rejected],
                reference_chosen=pair.log_reference[chosen],
                reference_rejected=pair.log_reference[rejected],
            )
        )
    return preferences


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
