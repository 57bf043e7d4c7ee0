"""What the policy writes in a round: distinct, scored once, never twice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from prefloop.dpo import run as run_module
from prefloop.dpo.logprobs import completion_logprobs
from prefloop.dpo.writing import EntropySampler, PairWriter
from tests.dpo.worlds import make_world, small_params


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    return run_module.load_problem(small_params(), make_world(tmp_path_factory.mktemp("world")))


@pytest.fixture(scope="module")
def moved(problem):
    """A policy that is not the reference."""
    import copy

    model = copy.deepcopy(problem.reference.model)
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight.mul_(2.0)
        model.model.norm.weight.mul_(1.3)
    return problem.reference.with_model(model)


def test_pairs_are_of_two_texts_and_have_their_log_probabilities(problem, moved):
    writer = PairWriter(problem, moved, moved, seed=1, round_=2)
    prompts = np.array([5, 2, 9, 30])
    pairs = writer(prompts)
    assert set(pairs.prompt.tolist()) <= set(prompts.tolist())
    for position, row in enumerate(pairs.row.tolist()):
        pair = writer.pairs[row]
        assert problem.text(pair.completions[0]) != problem.text(pair.completions[1])
        for of, found in ((moved, pairs.log_policy), (problem.reference, pairs.log_reference)):
            encoded = [problem.tokens[pair.prompt]] * 2
            expected = completion_logprobs(of.model, encoded, pair.completions, 1)
            np.testing.assert_allclose(found[position], expected, atol=1e-4)


def test_nothing_is_written_twice(problem, moved):
    writer = PairWriter(problem, moved, moved, seed=1, round_=2)
    first = writer(np.arange(10))
    count = writer.written
    again = writer(np.arange(10)[::-1])
    assert writer.written == count
    assert again.row.tolist() == first.row.tolist()[::-1]
    more = writer(np.arange(12))
    assert more.row.tolist()[:10] == first.row.tolist()


def test_a_pair_does_not_depend_on_the_prompts_beside_it(problem, moved):
    alone = PairWriter(problem, moved, moved, seed=1, round_=2)
    beside = PairWriter(problem, moved, moved, seed=1, round_=2)
    beside(np.arange(20))
    pair = alone(np.array([7]))
    assert alone.pairs[pair.row[0]].completions == beside.pairs[beside(np.array([7])).row[0]].completions


def test_the_reference_has_margins_of_exactly_nothing(problem):
    pairs = PairWriter(problem, problem.reference, problem.reference, seed=0, round_=1)(np.arange(20))
    assert (pairs.log_policy == pairs.log_reference).all()


def test_the_references_own_pairs_are_the_same_for_every_policy(problem, moved):
    by = [
        PairWriter(problem, problem.reference, policy, seed=3, round_=0) for policy in (problem.reference, moved)
    ]
    pairs = [writer(np.arange(8)) for writer in by]
    assert [p.completions for p in by[0].pairs] == [p.completions for p in by[1].pairs]
    np.testing.assert_allclose(pairs[0].log_reference, pairs[1].log_reference, atol=1e-5)
    assert not np.allclose(pairs[0].log_policy, pairs[1].log_policy)


def test_whoever_repeats_itself_is_tried_again_and_then_dropped(problem):
    import dataclasses

    sampling = problem.sampling.model_copy(update={"temperature": 1e-3, "attempts": 3})
    cold = dataclasses.replace(problem, sampling=sampling)
    writer = PairWriter(cold, cold.reference, cold.reference, seed=0, round_=1)
    pairs = writer(np.arange(6))
    assert writer.dropped == set(range(6)) - set(pairs.prompt.tolist())
    assert writer.dropped
    assert writer.written >= 2 * 6 + 2 * len(writer.dropped)
    assert writer(np.arange(6)).prompt.tolist() == pairs.prompt.tolist()


def test_entropy_samples_are_kept_and_go_with_their_prompts(problem, moved):
    sampler = EntropySampler(problem, moved, seed=0, round_=1)
    first = sampler(np.array([3, 8, 1]), 4)
    assert first.shape == (3, 4)
    assert sampler.written == 12
    np.testing.assert_array_equal(sampler(np.array([1, 3]), 4), first[[2, 0]])
    assert sampler.written == 12
    assert (first < 0).all()
