"""Parameters of named policies that are more than a range."""

from __future__ import annotations

import pytest
import yaml

from prefloop.config import parse_params
from prefloop.config.policies import is_model_free
from prefloop.errors import ConfigError
from tests.worlds import ROOT, make_params


def with_gamma(gamma):
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["policies"]["thinned"]["batch"]["gamma"] = gamma
    return parse_params(content, "x").policies["thinned"].batch.gamma


@pytest.mark.parametrize("gamma", ["auto", "infinity", 0, 0.5, 3])
def test_gamma_is_a_number_or_one_of_two_words(gamma):
    assert with_gamma(gamma) == gamma


@pytest.mark.parametrize("gamma", [-1, float("inf"), "fewest"])
def test_another_gamma_is_refused_with_what_it_may_be(gamma):
    with pytest.raises(ConfigError, match=r"policies\.thinned\.batch\.gamma: got .*'auto' or 'infinity'"):
        with_gamma(gamma)


def test_policies_without_a_model():
    found = {name for name, policy in make_params().policies.items() if is_model_free(policy)}
    assert found == {"random", "random_control", "random_prompts", "thinned", "random_pair"}
