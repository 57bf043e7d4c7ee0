"""Pair rules written out slowly, one prompt at a time, as their papers state them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
from scipy.special import expit

from prefloop.acquisition.responses import PairParameters


@dataclass
class Prompt:
    """One prompt: K responses and the ordered pairs (i, j) that may be chosen."""

    mu: list[float]
    sigma: list[float]
    pairs: list[tuple[int, int]]
    length: list[int]
    strength: list[float]
    judge: list[float]
    draw: Callable[[int], list[float]]
    uniform: Callable[[int], float]
    noise: Callable[[int], list[float]]

    def partners(self, i: int) -> list[int]:
        return [b for a, b in self.pairs if a == i]

    @property
    def responses(self) -> list[int]:
        return sorted({a for a, _ in self.pairs})


def one_of(candidates, u):
    return candidates[floor(u * len(candidates))]


def argmax(candidates, value, u):
    best = max(value(c) for c in candidates)
    return one_of([c for c in candidates if value(c) == best], u)


def choose(p: Prompt, rule: PairParameters) -> tuple[int, int]:
    return globals()[f"literal_{rule.rule}"](p, rule)


def literal_random(p, rule):
    return one_of(p.pairs, p.uniform(0))


literal_auto = literal_given = literal_random


def literal_longest(p, rule):
    return argmax(p.pairs, lambda ij: p.length[ij[0]] - p.length[ij[1]], p.uniform(0))


def literal_maxmin(p, rule):
    return argmax(p.pairs, lambda ij: p.judge[ij[0]] - p.judge[ij[1]], p.uniform(0))


def literal_fixed_pair(p, rule):
    return argmax(p.pairs, lambda ij: p.strength[ij[0]] - p.strength[ij[1]], p.uniform(0))


def literal_greedy(p, rule):
    return argmax(p.pairs, lambda ij: p.mu[ij[0]] - p.mu[ij[1]], p.uniform(0))


def literal_ultrafeedback(p, rule):
    noise = p.noise(0)
    drawn = set(sorted(range(len(p.mu)), key=lambda i: noise[i])[: rule.sample])
    inside = [(i, j) for i, j in p.pairs if i in drawn and j in drawn] or p.pairs
    return argmax(inside, lambda ij: p.mu[ij[0]], p.uniform(0))


def bounds(p, beta):
    upper = [m + beta * s for m, s in zip(p.mu, p.sigma, strict=True)]
    lower = [m - beta * s for m, s in zip(p.mu, p.sigma, strict=True)]
    return lower, upper


def width(p, beta):
    lower, upper = bounds(p, beta)
    return lambda i, j: expit(upper[i] - lower[j]) - expit(lower[i] - upper[j])


def literal_infomax(p, rule):
    interval = width(p, rule.beta)
    return argmax(p.pairs, lambda ij: interval(*ij), p.uniform(0))


def literal_maxminlcb(p, rule):
    def lcb(i, j):
        return p.mu[i] - p.mu[j] - rule.beta * (p.sigma[i] + p.sigma[j])

    i = argmax(p.responses, lambda i: min(lcb(i, j) for j in p.partners(i)), p.uniform(0))
    return i, argmax(p.partners(i), lambda j: -lcb(i, j), p.uniform(1))


def literal_rucb(p, rule):
    lower, upper = bounds(p, rule.beta)
    hopeful = [k for k in p.responses if all(upper[k] - lower[j] > 0 for j in p.partners(k))]
    j = one_of(hopeful or p.responses, p.uniform(0))
    return j, argmax(p.partners(j), lambda i: upper[i], p.uniform(1))


def literal_deltaucb(p, rule):
    lower, upper = bounds(p, rule.beta)
    return argmax(p.pairs, lambda ij: upper[ij[0]] - lower[ij[1]], p.uniform(0))


def literal_deltaquantile(p, rule):
    lower, upper = bounds(p, rule.beta)
    gaps = {(i, j): upper[i] - lower[j] for i, j in p.pairs}
    wanted = sorted(gaps.values(), reverse=True)[floor(Fraction(str(rule.quantile)) * len(gaps))]
    return argmax([ij for ij in p.pairs if gaps[ij] == wanted], lambda ij: upper[ij[0]], p.uniform(0))


def literal_shuffled_sigma(p, rule):
    noise = p.noise(0)
    dealt = sorted(range(len(p.mu)), key=lambda i: noise[i])
    shuffled = Prompt(**{**vars(p), "sigma": [p.sigma[i] for i in dealt]})
    return literal_deltaucb(shuffled, rule)


def literal_infogain(p, rule):
    interval = width(p, rule.beta)
    i = argmax(p.responses, lambda i: p.draw(0)[i], p.uniform(0))
    return i, argmax(p.partners(i), lambda j: interval(i, j), p.uniform(1))


def thompson(p, rule, sign):
    i = argmax(p.responses, lambda i: p.draw(0)[i], p.uniform(0))
    for number in range(1, rule.redraws + 2):
        # The first response stands last among equal ones.
        draw = [sign * value for value in p.draw(number)]
        j = argmax([*p.partners(i), i], draw.__getitem__, p.uniform(number))
        if j != i:
            return i, j
    return i, one_of(p.partners(i), p.uniform(rule.redraws + 2))


def literal_dts(p, rule):
    return thompson(p, rule, 1)


def literal_drts(p, rule):
    return thompson(p, rule, -1)


def prompt_of(view, g: int) -> Prompt:
    """Cut prompt g out of a view."""
    runs, free = view.by_prompt, view.free
    part = slice(int(runs.starts[g]), int(runs.starts[g] + runs.counts[g]))
    edges = slice(int(free.by_prompt.starts[g]), int(free.by_prompt.starts[g] + free.by_prompt.counts[g]))

    def cut(values):
        return np.asarray(values)[part].tolist()

    return Prompt(
        cut(view.mean),
        cut(view.deviation),
        [
            (int(i) - part.start, int(j) - part.start)
            for i, j in zip(free.first[edges], free.second[edges], strict=True)
        ],
        cut(view.characters()),
        cut(view.strength()),
        cut(view.judge()),
        lambda number: cut(view.draw(number)),
        lambda number: float(view.uniform(number)[g]),
        lambda number: cut(view.noise(number)),
    )
