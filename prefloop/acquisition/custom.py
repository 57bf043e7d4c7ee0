"""Policies and pair rules of the user's own, with checks of what they give back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from prefloop.acquisition.responses import PairRule, ResponsesView
from prefloop.acquisition.view import BatchPolicy, PoolView, Selection, require
from prefloop.errors import ConfigError
from prefloop.plugins import Plugin, find_plugin, is_file_reference, run_plugin

POLICY_GROUP = "prefloop.policies"
RULE_GROUP = "prefloop.pair_rules"


def find_policy(name: str) -> BatchPolicy:
    """A batch policy from outside, whose choices are checked.

    Raises:
        ConfigError: no such policy, or one that cannot be loaded.
    """
    plugin = _present(find_plugin(name, POLICY_GROUP), "batch policy", name)

    def choose(view: PoolView, n: int, rng: np.random.Generator, parameters: Any) -> Selection:
        require(len(view), n)
        selection = run_plugin("batch policy", plugin, view, n, rng, parameters)
        check_selection(selection, len(view), n, name)
        return selection

    return BatchPolicy(choose, plugin.parameters)


def find_pair_rule(name: str) -> PairRule:
    """A pair rule from outside, whose choices are checked; it never reads the judge's scores.

    Raises:
        ConfigError: no such rule, or one that cannot be loaded.
    """
    plugin = _present(find_plugin(name, RULE_GROUP), "pair rule", name)

    def choose(view: ResponsesView, parameters: Any) -> np.ndarray:
        chosen = run_plugin("pair rule", plugin, view, parameters)
        check_positions(chosen, view, name)
        return chosen

    return PairRule(choose, plugin.parameters)


def check_selection(selection: Any, candidates: int, n: int, name: str) -> None:
    """Refuse what is no choice of n different candidates.

    Args:
        selection: what the policy gave back.
        candidates: how many there were.
        n: how many were asked for.
        name: the policy's, for the message.

    Raises:
        ConfigError: another type, shape or format, a repeated pick, one out of range, or a NaN.
    """
    where = f"batch policy '{name}'"
    if not isinstance(selection, Selection):
        raise ConfigError(f"{where} gave back {_shown(selection)}; expected a Selection(picks, scores)")
    picks = selection.picks
    if not _is_integer(picks) or picks.shape != (n,):
        raise ConfigError(f"{where} gave picks {_shown(picks)}; expected {n} integers, shape ({n},)")
    if ((picks < 0) | (picks >= candidates)).any():
        wrong = picks[(picks < 0) | (picks >= candidates)][0]
        raise ConfigError(
            f"{where} picked {wrong}; expected positions of the view's candidates, 0 to {candidates - 1}"
        )
    values, counts = np.unique(picks, return_counts=True)
    if (counts > 1).any():
        raise ConfigError(f"{where} picked {values[counts > 1][0]} twice; expected different candidates")
    for key in ("scores", "uncertainty", "entropy"):
        numbers = getattr(selection, key)
        if numbers is None and key != "scores":
            continue
        if not isinstance(numbers, np.ndarray) or numbers.shape != (n,) or numbers.dtype.kind != "f":
            raise ConfigError(f"{where} gave {key} {_shown(numbers)}; expected {n} floats, one for each pick")
        if np.isnan(numbers).any() or (numbers == np.inf).any():
            # Minus infinity is the logarithm of an uncertainty of 0.
            raise ConfigError(f"{where} gave {key} that are NaN or infinite; expected one number for each pick")


def check_positions(chosen: Any, view: ResponsesView, name: str) -> None:
    """Refuse what is not one free pair of each prompt, int [G].

    Raises:
        ConfigError: another type or shape, or a position that belongs to another prompt or to none.
    """
    runs = view.free.by_prompt
    count = len(runs.counts)
    if not _is_integer(chosen) or chosen.shape != (count,):
        raise ConfigError(
            f"pair rule '{name}' gave {_shown(chosen)}; expected one integer for each of {count} prompts"
        )
    wrong = np.flatnonzero((chosen < runs.starts) | (chosen >= runs.starts + runs.counts))
    if wrong.size:
        prompt = int(wrong[0])
        first, last = int(runs.starts[prompt]), int(runs.starts[prompt] + runs.counts[prompt]) - 1
        raise ConfigError(
            f"pair rule '{name}' gave position {chosen[prompt]} for prompt {prompt} of {count}; expected "
            f"one of its free pairs, {first} to {last}"
        )


def add_policies(content: dict[str, Any], references: list[str]) -> list[str]:
    """Add a named policy for each batch policy in a file of the user's own, named by its function.

    Its pair rule is `auto`; another one is named in a parameter file.

    Args:
        content: all of a params.yaml; section `policies` is added to.
        references: FILE.py:FUNCTION, with KEY=VALUE parameters behind it after commas where it has any:
            my_policy.py:choose,gap=0.5

    Returns:
        The names, in the order given.

    Raises:
        ConfigError: not of this form, a name that is taken, or a policy that cannot be loaded.
    """
    names = []
    for reference in references:
        spec, *settings = reference.split(",")
        if not is_file_reference(spec):
            raise ConfigError(f"--policy: got '{reference}'; expected FILE.py:FUNCTION")
        path, _, name = spec.rpartition(":")
        if name in content["policies"]:
            raise ConfigError(f"--policy {spec}: there is a policy named '{name}' already; rename the function")
        find_policy(spec)
        batch = {**_settings(settings, spec), "policy": f"{Path(path).resolve()}:{name}"}
        content["policies"][name] = {"pairs": {"rule": "auto", "per_prompt": "auto"}, "batch": batch}
        names.append(name)
    return names


def _settings(settings: list[str], spec: str) -> dict[str, Any]:
    values = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--policy {spec}: got '{setting}'; expected KEY=VALUE")
        values[key.strip()] = yaml.safe_load(value)
    return values


def _present(plugin: Plugin | None, kind: str, name: str) -> Plugin:
    if plugin is None:
        raise ConfigError(f"unknown {kind} '{name}': no built-in one, no FILE.py:FUNCTION, and no entry point")
    return plugin


def _is_integer(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind in "iu"


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return f"a {type(value).__name__}"
