"""Probes of what a round chooses: batch policies, pair rules, and the candidates that they are offered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from prefloop.config import Params
from prefloop.config.policies import Policy
from prefloop.data.pairs import Pairs
from prefloop.errors import NothingLeft
from prefloop.pool.steps import choose_batch
from tests.identity.guard import Probe
from tests.identity.worlds import FixedModel, Table, listed_table, responses_table, some_pairs
from tests.worlds import make_params

ROUNDS, BATCH = 3, 6
# Beside the settings of params.yaml, which each policy and rule is probed with.
OTHER_BATCHES: dict[str, list[dict[str, Any]]] = {
    "thinned": [{"gamma": 0.7}, {"gamma": "infinity"}],
    "thinned_power": [{"gamma": 0.7, "coldness": 2.0}],
    "power_bald": [{"growth": 1.5, "coldness": 1.0, "offset": 0.01}],
    "bal_pm": [{"beta": 0.4, "dimension": 2.0}],
    "bal_pm_kl": [{"beta": 0.4, "dimension": 2.0, "k": 2}],
    "bal_pm_published": [{"beta": 0.4, "k": 3, "standardisation": "none"}, {"beta": 0.4, "k": 3}],
    "d_optimal": [{"ridge": 0.1}],
}
OTHER_RULES: dict[str, list[dict[str, Any]]] = {
    "fixed_pair": [{"strong": ["model-1"], "weak": ["model-2"]}],
    "ultrafeedback": [{"sample": 2}],
    "dts": [{"draws": "noise"}, {"redraws": 0}],
    "drts": [{"draws": "noise", "beta": 0.5}, {"redraws": 0}],
    "infogain": [{"draws": "noise"}],
    "deltaquantile": [{"quantile": 0.29, "beta": 0.5}],
    "maxminlcb": [{"beta": 0.3}],
    "rucb": [{"beta": 0.3}],
    "infomax": [{"beta": 0.3}],
    "deltaucb": [{"beta": 0.3}],
    "shuffled_sigma": [{"beta": 3.0}],
}
# Rules that make nothing of their own of listed pairs but a random choice among them.
OF_LISTED = ("given", "auto")


def choice_probes() -> dict[str, Probe]:
    """A probe of every batch policy and pair rule of params.yaml, and of the candidates."""
    params = make_params()
    batches = {of.batch.policy for of in params.policies.values()}
    rules = {of.pairs.rule for of in params.policies.values()} | {"given"}
    return (
        {"candidates": Probe(_candidates)}
        | {f"batch_policy.{name}": Probe(_batches(name)) for name in batches}
        | {f"pair_rule.{name}": Probe(_rules(name)) for name in rules}
    )


def _parsed(pairs: dict[str, Any], batch: dict[str, Any]) -> Policy:
    return Policy.model_validate({"pairs": pairs, "batch": batch})


def _settings(params: Params, side: str, name: str, others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every setting of one policy or rule in params.yaml, and further ones."""
    key = "policy" if side == "batch" else "rule"
    given = [getattr(of, side).model_dump(mode="json") for of in params.policies.values()]
    given = [of for n, of in enumerate(given) if of[key] == name and of not in given[:n]]
    given = given or [{key: name, "per_prompt": "auto"}]
    return given + [given[0] | other for other in others]


def _batches(name: str) -> Callable[[], Any]:
    def outputs() -> Any:
        settings = _settings(make_params(), "batch", name, OTHER_BATCHES.get(name, []))
        policies = [_parsed({"rule": "auto", "per_prompt": "auto"}, of) for of in settings]
        found = {f"setting {n}": _rounds(listed_table(), policy) for n, policy in enumerate(policies)}
        targets = {of: _rounds(listed_table(of), policies[0]) for of in ("pairs", "file")}
        return found | targets

    return outputs


def _rounds(table: Table, policy: Policy) -> list[Any]:
    """A few rounds after some labels, some pairs set apart: what was chosen and by which scores."""
    problem = table.problem
    acquired, reserved, found = some_pairs(problem, 5), some_pairs(problem, 3, skip=7), []
    for round_ in range(1, ROUNDS + 1):
        batch = choose_batch(
            problem, policy, FixedModel(), acquired, reserved, BATCH, seed=3, round_=round_, judge=None
        )
        acquired = Pairs.join(acquired, batch.pairs)
        by = batch.selection
        found.append(
            {"a": batch.pairs.a, "b": batch.pairs.b, "scores": by.scores}
            | {name: of for name in ("uncertainty", "entropy") if (of := getattr(by, name)) is not None}
        )
    return found


def _rules(name: str) -> Callable[[], Any]:
    def outputs() -> Any:
        settings = _settings(make_params(), "pairs", name, OTHER_RULES.get(name, []))
        tables = [listed_table()] if name == "given" else [responses_table()]
        tables += [listed_table()] if name == "auto" else []
        return [_pairs_by_round(table, of) for table in tables for of in settings]

    return outputs


def _pairs_by_round(table: Table, pairs: dict[str, Any]) -> list[list[int]]:
    """Each prompt's pair in two rounds, one after the other, and another seed's."""
    problem, found = table.problem, []
    limit = 1 if pairs["rule"] in OF_LISTED and len(problem.pool.a) else 3
    policy = _parsed(pairs | {"per_prompt": limit}, {"policy": "random", "stream": "select"})
    for seed in (3, 4):
        acquired = some_pairs(problem, 2)
        for round_ in (1, 2) if limit > 1 else (1,):
            chosen = _all_offered(table, policy, acquired, seed, round_)
            acquired = Pairs.join(acquired, chosen)
            found.append([*chosen.a.tolist(), *chosen.b.tolist()])
    return found


def _all_offered(table: Table, policy: Policy, acquired: Pairs, seed: int, round_: int) -> Pairs:
    """All candidates of a round, by prompt and completion: whatever order the random policy takes them in."""
    problem, none = table.problem, Pairs.empty()

    def chosen(n: int) -> Pairs:
        scores = table.scores
        return choose_batch(
            problem,
            policy,
            FixedModel(),
            acquired,
            none,
            n,
            seed=seed,
            round_=round_,
            judge=lambda rows: scores[rows],
        ).pairs

    # The most that can be had; a policy refuses more than there are.
    low, high = 0, len(problem.pool.a) + len(problem.pool.sizes) + 1
    while high - low > 1:
        middle = (low + high) // 2
        try:
            chosen(middle)
        except NothingLeft:
            high = middle
        else:
            low = middle
    pairs = chosen(low)
    return pairs.take(np.lexsort((pairs.b, pairs.a)))


def _candidates() -> Any:
    """What is offered under several limits, by rules that need no model, to random and to its control."""
    found: dict[str, Any] = {}
    limits = {"given": ("auto", 2, "unlimited"), "auto": ("auto", 2), "random": ("auto", 2, "unlimited")}
    for rule, allowed in limits.items():
        for per_prompt in allowed:
            for stream in ("select", "control"):
                batch = {"policy": "random", "stream": stream}
                policy = _parsed({"rule": rule, "per_prompt": per_prompt}, batch)
                name = f"{rule}, {per_prompt}, {stream}"
                found[name] = [_offered(table, policy) for table in (listed_table(), responses_table())]
    return found


def _offered(table: Table, policy: Policy) -> list[Any]:
    problem = table.problem
    acquired = Pairs.join(some_pairs(problem, 4), some_pairs(problem, 1, skip=6))
    if policy.pairs.rule == "given" and not len(problem.pool.a):
        return []
    pairs = [_all_offered(table, policy, acquired, 3, round_) for round_ in (1, 2)]
    return [[*of.prompt.tolist(), *of.a.tolist(), *of.b.tolist()] for of in pairs]
