"""Generation and log-probabilities on a model whose completions can be enumerated."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from prefloop.dpo.logprobs import completion_logprobs
from prefloop.dpo.sampling import Draw, Request, sample
from prefloop.dpo.scores import predictive_entropy
from prefloop.rng import Stream
from tests.dpo.toys import END, LONGEST, completions, exact_logprobs, toy_model

PROMPTS = [(0, 1), (0, 2, 3), (0, 3), (0, 1, 1, 2)]


@pytest.fixture(scope="module")
def model():
    return toy_model()


def written(model, requests, seed=0, round_=0, temperature=1.0, batch_size=64, stream=Stream.GENERATE):
    return sample(
        model, requests, Draw(seed, round_, stream, temperature, LONGEST), end=END, batch_size=batch_size
    )


def write(model, requests, **options):
    return [completion.tokens for completion in written(model, requests, **options)]


def requests_of(prompt, number, count):
    return [Request(prompt, (number, k)) for k in range(count)]


def test_log_probabilities_are_those_of_one_step_at_a_time(model):
    for prompt in PROMPTS:
        every = completions()
        got = completion_logprobs(model, [prompt] * len(every), every, batch_size=7)
        np.testing.assert_allclose(got, exact_logprobs(model, prompt), atol=1e-5)
        assert np.exp(got).sum() == pytest.approx(1, abs=1e-5)


def test_samples_follow_the_model(model):
    """Chi-square-like: every completion as often as its probability says."""
    prompt, count = PROMPTS[1], 6000
    seen = Counter(write(model, requests_of(prompt, 0, count), batch_size=2000))
    p = np.exp(exact_logprobs(model, prompt))
    observed = np.array([seen[c] for c in completions()]) / count
    assert set(seen) <= set(completions())
    assert (np.abs(observed - p) < 5 * np.sqrt(p * (1 - p) / count) + 1e-3).all()


def test_a_completion_does_not_depend_on_its_batch(model):
    requests = [r for number, prompt in enumerate(PROMPTS) for r in requests_of(prompt, number, 8)]
    together = write(model, requests)
    order = np.random.default_rng(0).permutation(len(requests))
    shuffled = write(model, [requests[n] for n in order], batch_size=3)
    assert [together[n] for n in order] == shuffled
    assert write(model, requests[5:6]) == together[5:6]


def test_seeds_rounds_and_samples_draw_anew(model):
    requests = requests_of(PROMPTS[0], 0, 40)
    first = write(model, requests)
    assert len(set(first)) > 3
    assert write(model, requests) == first
    assert write(model, requests, seed=1) != first
    assert write(model, requests, round_=1) != first

    assert write(model, requests, stream=Stream.EVALUATE) != first


@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_log_probabilities_come_with_the_completions_at_temperature_1(model, temperature):
    requests = [r for number, prompt in enumerate(PROMPTS) for r in requests_of(prompt, number, 16)]
    found = written(model, requests, temperature=temperature, batch_size=5)
    expected = completion_logprobs(model, [r.prompt for r in requests], [c.tokens for c in found], batch_size=16)
    np.testing.assert_allclose([c.log_prob for c in found], expected, atol=1e-5)


def test_a_cold_policy_repeats_its_likeliest_tokens(model):
    assert len(set(write(model, requests_of(PROMPTS[2], 2, 30), temperature=1e-4))) == 1


def test_entropy_estimates_the_exact_one_with_an_error_that_falls_as_one_over_root_n(model):
    exact = np.array([-(np.exp(lp) * lp).sum() for lp in (exact_logprobs(model, p) for p in PROMPTS)])
    errors = {}
    for n in (16, 256, 4096):
        repeats = 4096 // n
        requests = [r for number, p in enumerate(PROMPTS) for r in requests_of(p, number, n * repeats)]
        logs = np.array([completion.log_prob for completion in written(model, requests, batch_size=4096)])
        estimates = predictive_entropy(logs.reshape(len(PROMPTS) * repeats, n)).reshape(len(PROMPTS), repeats)
        errors[n] = float(np.sqrt((((estimates - exact[:, None]) / exact[:, None]) ** 2).mean()))
    assert errors[16] < 0.35
    # Sixteen times the samples: a quarter of the error, within chance.
    assert 2 < errors[16] / errors[256] < 8
    assert errors[4096] < errors[256]


def test_entropy_goes_with_its_prompt(model):
    def estimate(order):
        requests = [Request(PROMPTS[number], (number, k)) for number in order for k in range(32)]
        logs = np.array([completion.log_prob for completion in written(model, requests, batch_size=16)])
        return predictive_entropy(logs.reshape(len(order), 32))

    order = [2, 0, 3, 1]
    np.testing.assert_allclose(estimate(order), estimate(range(4))[order], atol=1e-5)
