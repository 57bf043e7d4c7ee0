"""Win rates, KL and diversity of a policy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from prefloop.dpo import run as run_module
from prefloop.dpo.evaluation import Evaluated, Evaluator, distinct, start_completions, summarise
from prefloop.errors import ModelError
from prefloop.labels.comparison import Answer
from prefloop.labels.verdicts import TIE, A, B
from tests.dpo.toys import END, completions, exact_logprobs, toy_model
from tests.dpo.worlds import make_world, small_params


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    return run_module.load_problem(small_params(), make_world(tmp_path_factory.mktemp("world")))


class ByLength:
    """Prefers the longer text; silent about texts with a word."""

    name, paid = "length", False

    def __init__(self, silent=None):
        self.silent, self.asked = silent, 0

    def ask(self, comparisons, keep=None):
        self.asked += len(comparisons)
        return [self._answer(c) for c in comparisons]

    def _answer(self, c):
        if self.silent and self.silent in c.a:
            return Answer(None, "silent")
        return Answer(A if len(c.a) > len(c.b) else B if len(c.b) > len(c.a) else TIE)


def evaluator(problem, params, oracle, judge, seed=0):
    start = start_completions(problem, params.evaluation, seed)
    return Evaluator(problem, params.evaluation, oracle, judge, seed, start)


def test_wins_are_those_of_the_texts(problem):
    params = small_params()
    oracle, judge = ByLength(), ByLength(silent="good")
    evaluate = evaluator(problem, params, oracle, judge)
    found = evaluate(problem.reference)
    for row, tokens in enumerate(found.completions):
        own, other = problem.text(tokens), evaluate.start_texts[row]
        assert found.oracle[row] == (1 if len(own) > len(other) else 0 if len(own) < len(other) else 0.5)
        assert np.isnan(found.judge[row]) == ("good" in own and own != other)
    facts = summarise(found)
    assert facts["unjudged_judge"] == np.isnan(found.judge).sum() > 0
    assert facts["win_judge"] == np.nanmean(found.judge)
    assert facts["kl"] == 0


def test_the_same_seed_is_evaluated_alike_and_another_is_not(problem):
    params = small_params()
    first, again, other = (
        evaluator(problem, params, ByLength(), ByLength(), seed)(problem.reference) for seed in (0, 0, 1)
    )
    assert first.completions == again.completions != other.completions


def test_opponents_are_other_samples_than_the_policys(problem):
    evaluate = evaluator(problem, small_params(), ByLength(), ByLength())
    own = [problem.text(tokens) for tokens in evaluate(problem.reference).completions]
    assert np.mean([a == b for a, b in zip(own, evaluate.start_texts, strict=True)]) < 0.5


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_kl_is_measured_at_temperature_1(problem, temperature):
    """Against the exact divergence of two models whose completions can be enumerated."""
    import dataclasses

    reference, policy = toy_model(0), toy_model(1)
    prompt = (0, 1)
    log_p, log_r = exact_logprobs(policy, prompt), exact_logprobs(reference, prompt)
    exact = float((np.exp(log_p) * (log_p - log_r)).sum())
    # Each evaluated prompt is another random stream on the same tokens.
    toy = dataclasses.replace(
        problem,
        tokens=[prompt] * len(problem.tokens),
        reference=dataclasses.replace(problem.reference, model=reference, end=END),
        sampling=problem.sampling.model_copy(update={"max_new_tokens": 3}),
    )
    params = small_params(evaluation={"prompts": 45, "temperature": temperature})
    ratios = []
    for seed in range(20):
        start = [(0,)] * 45
        evaluate = Evaluator(toy, params.evaluation, ByLength(), ByLength(), seed, start)
        ratios.append(evaluate(toy.reference.with_model(policy)).kl)
    found = np.concatenate(ratios)
    assert abs(found.mean() - exact) < 4 * found.std() / np.sqrt(len(found))
    assert len(completions()) > 50


def test_distinct_n():
    assert distinct([(1, 2, 1), (1, 2)], 1) == pytest.approx(2 / 5)
    assert distinct([(1, 2, 1), (1, 2)], 2) == pytest.approx(2 / 3)
    assert distinct([(1,)], 2) == 0


def test_an_evaluation_without_any_answer_is_no_win():
    nothing = np.full(3, np.nan)
    facts = summarise(Evaluated([(1, 2)] * 3, nothing, np.ones(3), np.zeros(3)))
    assert (facts["win_oracle"], facts["unjudged_oracle"]) == (None, 3)


class Flaky(ByLength):
    """Answers half of the comparisons at the second asking only."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def _answer(self, c):
        if c.pair in self.seen or int(c.pair[0], 16) < 8:
            return super()._answer(c)
        self.seen.add(c.pair)
        return Answer(None, "busy")


def test_what_is_not_answered_is_asked_again_and_counted(problem):
    params = small_params()
    flaky, steady = Flaky(), ByLength()
    found = evaluator(problem, params, flaky, steady)(problem.reference)
    assert not np.isnan(found.oracle).any()
    np.testing.assert_array_equal(found.oracle, found.judge)
    assert flaky.asked == steady.asked + len(flaky.seen) > steady.asked
    assert found.calls == flaky.asked + steady.asked


def test_a_judge_that_answers_nothing_stops_the_round(problem):
    class Dead(ByLength):
        def _answer(self, c):
            return Answer(None, "no route")

    with pytest.raises(ModelError, match=r"length answered none of \d+ evaluated comparisons \(no route\)"):
        evaluator(problem, small_params(), ByLength(), Dead())(problem.reference)


def test_a_far_policy_has_moved(problem):
    import copy

    model = copy.deepcopy(problem.reference.model)
    with torch.no_grad():
        model.model.norm.weight.mul_(2.0)
    found = evaluator(problem, small_params(), ByLength(), ByLength())(problem.reference.with_model(model))
    assert found.kl.mean() > 0.1
