"""Batch policies that balance labels over prompts: two without a model, and one with BALD on top."""

from __future__ import annotations

from typing import Literal

import numpy as np

from prefloop import uncertainty as u
from prefloop.acquisition.segments import Segments
from prefloop.acquisition.turns import deal, even_waits, occurrences, take_turns
from prefloop.acquisition.view import BatchPolicy, PoolView, Selection, require
from prefloop.section import NonNegative, NoParameters, Positive, Section

# A word for the limit, since sections refuse numbers that are not finite and JSON has none.
Gamma = NonNegative | Literal["auto", "infinity"]


class Thinned(Section):
    """Parameters of `thinned`."""

    gamma: Gamma


class ThinnedPower(Thinned):
    """Parameters of `thinned_power`."""

    coldness: Positive


def random_prompts(view: PoolView, n: int, rng: np.random.Generator, config: NoParameters) -> Selection:
    """A prompt in proportion to its target weight, then one of its pairs uniformly, again and again.

    Source: measured, docs/researcher.md; the model-free baseline where prompts count alike.
    """
    require(len(view), n)
    order = rng.permutation(len(view))
    left = np.bincount(view.prompt, minlength=len(view.prompt_weight))
    turns = _turns(rng, left, np.zeros_like(left), 0.0, view.prompt_weight, n, by_size=False)
    return Selection(deal(view.prompt, order, turns), np.zeros(n))


def thinned(view: PoolView, n: int, rng: np.random.Generator, config: Thinned) -> Selection:
    """A pair uniformly, kept with probability ((1 + c_min) / (1 + c_q))^gamma, c_q the labels of its prompt.

    The same as weights (pairs left) * (1 + c_q)^-gamma for prompts, one label after another. Exactly `random`
    while nothing is refused. Under target `file` pairs are drawn in proportion to their prompts' weights.

    Source: measured, docs/researcher.md; law and cost in docs/maths.md.
    """
    require(len(view), n)
    order, gamma, weight = rng.permutation(len(view)), exponent(config.gamma, view), _proposal_weight(view)
    labels = np.bincount(view.acquired_prompt, minlength=len(weight))
    left = np.bincount(view.prompt, minlength=len(weight))
    kept = order[: _kept(view.prompt[order[:n]], left, labels, gamma, rng) if _is_even(weight, left) else 0]
    if len(kept) == n:
        return Selection(kept, np.zeros(n))
    before = view.prompt[kept]
    spent = np.bincount(before, minlength=len(weight))
    turns = _turns(rng, left - spent, labels + spent, gamma, weight, n - len(kept), by_size=True)
    # Which of its candidates a prompt gives next is decided by the permutation, for kept and later ones alike.
    return Selection(deal(view.prompt, order, np.concatenate([before, turns])), np.zeros(n))


def thinned_power(view: PoolView, n: int, rng: np.random.Generator, config: ThinnedPower) -> Selection:
    """As thinned, with pairs drawn in proportion to U^coldness; uniformly where every U left is 0.

    Source: measured, docs/researcher.md; power form of Kirsch et al. 2023 (arXiv 2106.12059).
    """
    require(len(view), n)
    scores, weight = u.bald(view.logits), _proposal_weight(view)
    labels = np.bincount(view.acquired_prompt, minlength=len(weight))
    with np.errstate(divide="ignore"):
        log_weight = np.log(weight)[view.prompt]
        log_weights = (config.coldness * np.log(scores) + log_weight, log_weight, np.zeros(len(view)))
    picks = _powered(view.prompt, log_weights, labels, exponent(config.gamma, view), n, rng)
    return Selection(picks, scores[picks], uncertainty=scores[picks])


def exponent(gamma: Gamma, view: PoolView) -> float:
    """The number that key `gamma` stands for under the view's target."""
    if gamma == "auto":
        return 0.0 if view.target == "pairs" else 1.0
    return float(gamma)


def _proposal_weight(view: PoolView) -> np.ndarray:
    # float64 [Q]: a file's prompts weigh by likeness; the two other targets are what gamma 1 and 0 are for.
    return view.prompt_weight if view.target == "file" else np.ones_like(view.prompt_weight)


def _is_even(weight: np.ndarray, left: np.ndarray) -> bool:
    # Whether prompts with candidates weigh alike, so that a uniform candidate is a proposal by weight.
    if np.ptp(weight) == 0:
        return True
    having = weight[left > 0]
    return len(having) == 0 or np.ptp(having) == 0


def _kept(prompt: np.ndarray, left: np.ndarray, labels: np.ndarray, gamma: float, rng: np.random.Generator) -> int:
    # How many proposals, taken in the order of a permutation, are kept before the first is refused. c_min is that
    # of the start: any common bound has the same law, and what it refuses is drawn anew.
    fewest = np.where(left > 0, labels, np.iinfo(np.int64).max).min()
    has = labels[prompt] + occurrences(prompt)
    hurdle = np.zeros(len(prompt))
    np.multiply(gamma, np.log1p(has) - np.log1p(fewest), out=hurdle, where=has > fewest)
    kept = rng.standard_exponential(len(prompt)) >= hurdle
    return len(prompt) if kept.all() else int(kept.argmin())


def _turns(
    rng: np.random.Generator,
    left: np.ndarray,
    labels: np.ndarray,
    gamma: float,
    weight: np.ndarray,
    n: int,
    *,
    by_size: bool,
) -> np.ndarray:
    # Prompts in turn, drawn by weight, and by the candidates they have left if by_size.
    is_even = np.ptp(weight) == 0

    def rates(rows: np.ndarray, turns: np.ndarray) -> np.ndarray:
        shares = np.ones((1, len(turns))) if is_even else weight[rows, None]
        return np.asarray(shares * np.maximum(left[rows, None] - turns, 1) if by_size else shares)

    possible = left if weight.all() else np.where(weight > 0, left, 0)
    first = min(n, int(possible.sum()))
    turns = take_turns(possible, labels, gamma, even_waits(rng, rates), first)
    if first == n:
        return turns
    # Prompts of weight 0 follow when no other has a candidate left.
    labels, even = labels + np.bincount(turns, minlength=len(left)), np.ones_like(weight)
    rest = _turns(rng, left - possible, labels, gamma, even, n - first, by_size=by_size)
    return np.concatenate([turns, rest])


def _powered(
    prompt: np.ndarray,
    log_weights: tuple[np.ndarray, ...],
    labels: np.ndarray,
    gamma: float,
    n: int,
    rng: np.random.Generator,
) -> np.ndarray:
    # Candidates drawn by weight without replacement, thinned by their prompts' labels: candidate i rings at
    # E_i / w_i on the clock of its prompt, and that clock runs at the speed (1 + c_q)^-gamma. Candidates of
    # weight 0 follow when no other is left, by the next of the weights.
    possible = log_weights[0] > -np.inf
    rows, rest = np.flatnonzero(possible), np.flatnonzero(~possible)
    rings = np.log(rng.standard_exponential(len(rows))) - log_weights[0][rows]
    order = np.lexsort((rings, prompt[rows]))
    rows, first = rows[order], min(n, len(rows))
    runs = Segments(np.bincount(prompt[rows], minlength=len(labels)))
    waits = _differences(rings[order], runs.starts)

    def waits_of(prompts: np.ndarray, turns: np.ndarray) -> np.ndarray:
        return np.asarray(waits[np.minimum(runs.starts[prompts, None] + turns, len(waits) - 1)])

    turns = take_turns(runs.counts, labels, gamma, waits_of, first)
    picks = rows[runs.starts[turns] + occurrences(turns)]
    if first == n:
        return picks
    labels = labels + np.bincount(turns, minlength=len(labels))
    following = tuple(weights[rest] for weights in log_weights[1:])
    return np.concatenate([picks, rest[_powered(prompt[rest], following, labels, gamma, n - first, rng)]])


def _differences(rings: np.ndarray, starts: np.ndarray) -> np.ndarray:
    # log(exp(r_k) - exp(r_k-1)) within each run, log times ascending; the first of a run is kept as it is.
    earlier = np.full(len(rings), -np.inf)
    earlier[1:] = rings[:-1]
    earlier[starts[starts < len(rings)]] = -np.inf
    with np.errstate(divide="ignore"):
        return np.asarray(rings + np.log(-np.expm1(earlier - rings)))


POLICIES = {
    "random_prompts": BatchPolicy(random_prompts, NoParameters, by_chance=True),
    "thinned": BatchPolicy(thinned, Thinned, by_chance=True),
    "thinned_power": BatchPolicy(thinned_power, ThinnedPower),
}
