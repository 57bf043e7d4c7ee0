"""DPO on the toy model: starts at ln 2 and at the reference, uses the sampled tokens, repeats exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from prefloop.align.logprobs import completion_logprobs
from prefloop.align.sampling import Request, sample
from prefloop.align.training import Fit, Preference, train_dpo
from tests.align.toys import END, LONGEST, VOCABULARY, toy_model

FIT = Fit(beta=0.2, learning_rate=3e-3, epochs=3, batch_size=8, device="cpu")


@pytest.fixture(scope="module")
def tokenizer():
    words = {"<pad>": END, **{str(n): n for n in range(VOCABULARY - 1)}}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="0")), pad_token="<pad>", eos_token="<pad>"
    )


@pytest.fixture(scope="module")
def reference():
    return toy_model()


@pytest.fixture(scope="module")
def preferences(reference):
    """The completion with more tokens '3' wins."""
    requests = [Request((0, 1 + k % 3), (k, side)) for k in range(60) for side in range(2)]
    options = {"temperature": 1.0, "max_new_tokens": LONGEST, "end": END, "batch_size": 64}
    written = sample(reference, requests, seed=0, round_=0, **options)
    logs = completion_logprobs(reference, [r.prompt for r in requests], written, 64)
    found = []
    for k in range(0, len(requests), 2):
        a, b = (k, k + 1) if written[k].count(3) > written[k + 1].count(3) else (k + 1, k)
        if written[a].count(3) != written[b].count(3):
            found.append(Preference(requests[k].prompt, written[a], written[b], float(logs[a]), float(logs[b])))
    assert len(found) > 20
    return found


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def margins(model, preferences):
    prompts = [p.prompt for p in preferences]
    won, lost = (
        completion_logprobs(model, prompts, [getattr(p, name) for p in preferences], 64)
        for name in ("chosen", "rejected")
    )
    return won - lost - [p.reference_chosen - p.reference_rejected for p in preferences]


def test_the_loss_starts_at_ln_2_and_the_reference_stays(reference, preferences, tokenizer, capsys):
    before = weights(reference)
    policy, losses = train_dpo(reference, tokenizer, preferences, FIT, seed=0, round_=1)
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[-1] < losses[0]
    assert same(weights(reference), before)
    assert not same(weights(policy), before)
    assert len(losses) == 3 * math.ceil(len(preferences) / 8)
    assert capsys.readouterr().out == ""


def test_every_preference_is_learnt_from(reference, preferences, tokenizer):
    policy, _ = train_dpo(reference, tokenizer, preferences, FIT, seed=0, round_=1)
    assert (margins(policy, preferences) > 0).mean() > 0.9
    np.testing.assert_allclose(margins(reference, preferences), 0, atol=1e-4)


def test_the_same_seed_gives_the_same_weights_and_another_round_others(reference, preferences, tokenizer):
    def trained(seed, round_):
        return weights(train_dpo(reference, tokenizer, preferences, FIT, seed=seed, round_=round_)[0])

    first = trained(0, 1)
    assert same(first, trained(0, 1))
    assert not same(first, trained(0, 2))
    assert not same(first, trained(1, 1))


def test_it_can_go_on_from_a_policy(reference, preferences, tokenizer):
    policy, _ = train_dpo(reference, tokenizer, preferences, FIT, seed=0, round_=1)
    further, losses = train_dpo(policy, tokenizer, preferences, FIT, seed=0, round_=2)
    assert losses[0] < math.log(2) - 0.05
    assert not same(weights(further), weights(policy))


def test_random_verdicts_teach_nothing_that_carries_over(reference, preferences, tokenizer):
    """Half of the pairs turned round: the mean margin of untouched pairs stays near zero."""
    rng = np.random.default_rng(0)
    flip = rng.random(len(preferences)) < 0.5

    def turned(p):
        return Preference(p.prompt, p.rejected, p.chosen, p.reference_rejected, p.reference_chosen)

    noisy = [turned(p) if f else p for p, f in zip(preferences, flip, strict=True)]
    learnt = margins(train_dpo(reference, tokenizer, preferences, FIT, seed=0, round_=1)[0], preferences).mean()
    confused = margins(train_dpo(reference, tokenizer, noisy, FIT, seed=0, round_=1)[0], preferences).mean()
    assert abs(confused) < 0.4 * learnt
