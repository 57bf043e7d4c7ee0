"""Probes of what a simulated run makes of its choices: rounds, answers, metrics, retrained models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

from prefloop.acquisition.view import Selection
from prefloop.config.model import Downstream, OracleNoise, Reward
from prefloop.data.pairs import Pairs
from prefloop.evaluation.downstream.retrained import downstream_predictions
from prefloop.evaluation.downstream.score import downstream_rows, prompt_outcomes
from prefloop.evaluation.predictive import predictive_metrics
from prefloop.labels.labelled import Labelled
from prefloop.oracle.answers import Answers
from prefloop.oracle.calls import AnnotationCalls
from prefloop.oracle.evaluated_pairs import EvalSet, evaluation_sets
from prefloop.oracle.hidden import HiddenAnswers
from prefloop.oracle.simulated import SimulatedOracle
from prefloop.pool import steps
from prefloop.pool.evaluated_round import NewRound, evaluate_round
from prefloop.pool.loop import PoolRun, RunSpec
from prefloop.pool.steps import Batch
from prefloop.reward.inputs import FitInputs
from prefloop.rounds.driver import play_rounds
from prefloop.rounds.store import RoundStore
from tests.identity.guard import Probe
from tests.identity.worlds import FixedModel, Table, emptied, listed_table, responses_table, some_pairs
from tests.worlds import make_params

NOISE = OracleNoise(flip_rate=0.2, temperature=0.0, salt="s")


def pool_probes() -> dict[str, Probe]:
    """Probes of a simulated run's parts but its choices and models."""
    return {
        "rounds": Probe(_rounds),
        "oracle": Probe(_oracle),
        "evaluation": Probe(_evaluation),
        "downstream": Probe(_downstream, 1e-5),
    }


@contextmanager
def _recorded_fits() -> Iterator[list[Any]]:
    """What rounds train models from; the model that they get has learnt nothing, so that no other part shows."""
    fits: list[Any] = []

    def record(config: Reward, inputs: FitInputs) -> FixedModel:
        def sides(of: Any) -> Any:
            return None if of is None else [of.winner, of.loser, of.weight]

        fits.append(
            [inputs.seed, inputs.round_, sides(inputs.comparisons), sides(inputs.validation), inputs.groups]
        )
        return FixedModel()

    with mock.patch.object(steps, "fit_model", record):
        yield fits


def _rounds() -> Any:
    """Who is chosen, asked and trained on, round by round, by random choices: draws, streams, order of steps."""
    found: dict[str, Any] = {}
    for name, table, policy in (
        ("listed", listed_table(), "random"),
        ("control", listed_table("pairs"), "random_control"),
        ("judged", responses_table(), "maxmin"),
    ):
        validation = 4 if name == "listed" else 0
        params = make_params(benchmark__validation=validation, benchmark__batch=3, benchmark__initial=5)
        spec = RunSpec(policy, params.policies[policy], 2, params.benchmark, params.reward, "none")
        answers = Answers(table.votes, table.scores)
        oracle = SimulatedOracle(params.oracle, table.problem.prepared, answers)
        hidden = HiddenAnswers(answers, {})
        run = PoolRun(table.problem, hidden, oracle, spec)
        store = RoundStore(emptied(f"rounds-{name}"), "x", run.form, {})
        with _recorded_fits() as fits:
            records = play_rounds(run, store, lambda *_: None)
        told = ("round", "n_labels", "n_ties", "n_prompts", "batch_ties", "annotation_calls")
        found[name] = [
            {
                "a": of.batch.pairs.a,
                "b": of.batch.pairs.b,
                "verdicts": of.verdicts,
                "looked_at": of.looked_at,
                "fit": fit,
            }
            | {fact: of.facts[fact] for fact in told}
            for of, fit in zip(records, fits, strict=True)
        ]
    return found


def _oracle() -> Any:
    """Answers by votes and by scores with noise of either kind, their cost, and the pairs models are judged on."""
    found: dict[str, Any] = {}
    for name, table in (("listed", listed_table()), ("responses", responses_table())):
        prepared, answers = table.problem.prepared, Answers(table.votes, table.scores)
        pairs = _every_pair(table)
        for noise in (NOISE, NOISE.model_copy(update={"flip_rate": 0.0, "temperature": 0.7})):
            oracle = SimulatedOracle(noise, prepared, answers)
            known = oracle.listed(pairs.a, pairs.b) | np.isfinite(table.scores[pairs.a])
            asked = pairs.take(known)
            calls = AnnotationCalls(oracle, len(prepared.completion_ids))
            costs = []
            for start in range(0, 12, 4):
                rows = np.arange(start, start + 3)
                if name == "responses":
                    calls.scores(rows)
                calls.add(asked.take(np.arange(start, start + 4)), calls.looked_at())
                costs.append(calls.total)
            setting = f"{name}, {noise.flip_rate:g}, {noise.temperature:g}"
            found[setting] = [oracle.verdicts(asked.a, asked.b), costs]
        found[f"{name}, evaluated"] = {
            split: [of.a, of.b, of.prompt, of.y] for split, of in evaluation_sets(prepared, answers).items()
        }
    return found


def _every_pair(table: Table) -> Pairs:
    prepared, parts = table.problem.prepared, [Pairs(np.zeros(0, np.int64), *[np.zeros(0, np.int64)] * 2)]
    for prompt, (start, stop) in enumerate(zip(prepared.offsets[:-1], prepared.offsets[1:], strict=True)):
        i, j = np.triu_indices(int(stop - start), 1)
        parts.append(Pairs(start + i, start + j, np.full(len(i), prompt)))
    return Pairs.join(*parts)


def _fixed_sets(table: Table) -> dict[str, EvalSet]:
    """Two splits' pairs with fixed answers, whatever the oracle's part makes of votes and scores."""
    pairs, first = _every_pair(table), {}
    for split in ("test", "ood"):
        prompts = table.problem.prepared.prompts_of(split)
        of = pairs.take((pairs.prompt >= prompts.start) & (pairs.prompt < prompts.stop))
        of = of.take(np.arange(0, len(of), 2))
        y = (np.random.default_rng(4).random(len(of)) < 0.7).astype(np.float64)
        first[split] = EvalSet(split, of.a, of.b, of.prompt, y)
    return first


def _evaluation() -> Any:
    """A round's rows of its tables under every target, with labels that tie; metrics of larger sets; no answer."""
    found: dict[str, Any] = {}
    tables = [(f"listed, {of}", listed_table(of)) for of in ("prompts", "pairs", "file")]
    for name, table in [*tables, ("responses", responses_table())]:
        problem = table.problem
        pairs = some_pairs(problem, 9)
        verdicts = np.array([0, 1, 2, 0, 0, 1, 1, 2, 0], np.int8)
        selection = Selection(
            picks=np.arange(4),
            scores=np.array([0.5, 0.25, 0.125, 1.0]),
            uncertainty=np.array([0.25, 0.125, 0.5, 0.75]),
            entropy=np.array([-1.0, 0.5, 2.0, 0.25]),
        )
        batch = Batch(some_pairs(problem, 4), selection)
        new = NewRound(3, batch, verdicts[:4], np.zeros(0, np.int64), 17)
        hidden = HiddenAnswers(Answers(table.votes, table.scores), _fixed_sets(table))
        about = {"policy": "fixed", "seed": 0, "n_val_labels": 0}
        record = evaluate_round(problem, hidden, about, FixedModel(), Labelled(pairs, verdicts), new)
        found[name] = {"metrics": record.metrics, "facts": record.facts, "predictions": record.predictions}
    rng = np.random.default_rng(6)
    logits = rng.standard_normal((5, 200)) * 2 + rng.standard_normal(200) * 2
    logits[:, :10] = 0
    y = (rng.random(200) < 0.6).astype(np.float64)
    for name, weight in (("alike", None), ("weighted", rng.random(200))):
        found[name] = predictive_metrics(logits, y, weight)
    return found


def _downstream() -> Any:
    """What retrained models are trained on, the policy proxy, and scores of both by share, split and prompt."""
    found: dict[str, Any] = {}
    names = ("ece", "ece_floor")  # calibration is the evaluation's
    for name, table in (("listed", listed_table("pairs")), ("responses", responses_table())):
        problem, params = table.problem, make_params()
        pairs = some_pairs(problem, 11)
        verdicts = np.array([0, 1, 2, 0, 0, 1, 1, 2, 0, 1, 0], np.int8)
        config = Downstream(shares=(0.1, 0.4, 1.0), proxy=params.downstream.proxy)
        with _recorded_fits() as fits:
            made = downstream_predictions(
                problem, Labelled(pairs, verdicts), params.reward, config, seed=2, device="cpu"
            )
        sets = _fixed_sets(table)
        rows = downstream_rows(problem.prepared, sets, table.scores, made)
        outcomes = prompt_outcomes(
            problem.prepared, sets["test"], table.scores, made.rewards[-1], made.log_policy[-1]
        )
        found[name] = {
            "fits": fits,
            "n_labels": made.n_labels,
            "rewards": made.rewards,
            "log_policy": made.log_policy,
            "rows": [{key: value for key, value in row.items() if key not in names} for row in rows],
            "outcomes": outcomes,
        }
    return found
