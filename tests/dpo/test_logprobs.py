"""Divergence along completions, on models whose completions can be enumerated."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pytest
import torch

from prefloop.dpo.logprobs import completion_logprobs, stepwise_divergence
from tests.dpo.toys import completions, exact_logprobs, toy_model

PROMPT = (0, 1)


def between(one, other, share):
    """A model on the way from one to another."""
    model = copy.deepcopy(one)
    with torch.no_grad():
        for own, its in zip(model.parameters(), other.parameters(), strict=True):
            own.add_(share * (its - own))
    return model


def sharpened(model, factor):
    model = copy.deepcopy(model)
    with torch.no_grad():
        model.model.norm.weight.mul_(factor)
    return model


REFERENCE = toy_model(0)
POLICIES = {
    "near": between(REFERENCE, toy_model(1), 0.02),
    "between": between(REFERENCE, toy_model(1), 0.3),
    "far": toy_model(1),
    "sure": sharpened(REFERENCE, 6.0),
}


@functools.cache
def estimates(name):
    """Probability of every completion, and what each estimator gives for it."""
    policy = POLICIES[name]
    every = completions()
    log_p, log_q = exact_logprobs(policy, PROMPT), exact_logprobs(REFERENCE, PROMPT)
    k3 = []
    for completion in every:
        cuts = [completion[: t + 1] for t in range(len(completion))]
        steps = [
            np.diff(completion_logprobs(model, [PROMPT] * len(cuts), cuts, 8), prepend=0.0)
            for model in (policy, REFERENCE)
        ]
        log_r = steps[1] - steps[0]
        k3.append((np.expm1(log_r) - log_r).sum())
    stepwise = stepwise_divergence(policy, REFERENCE, [PROMPT] * len(every), every, 7)
    return np.exp(log_p), log_p - log_q, np.array(k3), stepwise


def moments(p, values):
    mean = p @ values
    return mean, np.sqrt(p @ (values - mean) ** 2)


@pytest.mark.parametrize("name", POLICIES)
def test_it_is_unbiased_and_quieter_than_estimates_from_drawn_tokens(name):
    p, k1, k3, stepwise = estimates(name)
    exact, noise_k1 = moments(p, k1)
    mean, noise = moments(p, stepwise)
    assert mean == pytest.approx(exact, rel=2e-4, abs=1e-6)
    assert noise < noise_k1 / 2
    assert noise < 0.6 * moments(p, k3)[1]
    assert (stepwise >= 0).all()


def test_k3_is_quiet_near_the_reference_and_noisy_far_from_it():
    """Why neither of the usual estimates is taken."""
    for name, quieter in (("near", True), ("sure", False)):
        p, k1, k3, stepwise = estimates(name)
        assert (5 * moments(p, k3)[1] < moments(p, k1)[1]) == quieter
        assert 10 * moments(p, stepwise)[1] < moments(p, k1)[1]


def test_one_step_is_the_divergence_of_two_distributions():
    logits = [
        model(input_ids=torch.tensor([PROMPT])).logits[0, -1].double().log_softmax(-1).detach().numpy()
        for model in (POLICIES["far"], REFERENCE)
    ]
    literal = (np.exp(logits[0]) * (logits[0] - logits[1])).sum()
    found = stepwise_divergence(POLICIES["far"], REFERENCE, [PROMPT] * 3, [(0,), (3,), ()], 2)
    np.testing.assert_allclose(found, [literal, literal, 0], atol=1e-6)


def test_it_does_not_depend_on_what_else_is_in_the_batch():
    prompts = [(0, 1), (0, 2, 3), (0, 3), (0, 1, 1, 2)]
    every = completions()[::17][:4]
    alone = [
        stepwise_divergence(POLICIES["far"], REFERENCE, [x], [y], 1)[0]
        for x, y in zip(prompts, every, strict=True)
    ]
    together = stepwise_divergence(POLICIES["far"], REFERENCE, prompts, every, 4)
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_model_does_not_part_from_itself():
    every = completions()[:20]
    np.testing.assert_array_equal(stepwise_divergence(REFERENCE, REFERENCE, [PROMPT] * 20, every, 6), 0)
