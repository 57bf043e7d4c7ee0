"""Identity of simulated runs: what a run is made from, and whether its folder is the one it would write.

Nothing here needs PyTorch: a comparison in which nothing has changed is told as such at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from prefloop.acquisition.registry import batch_policy_identity, pair_rule_identity
from prefloop.config import Params
from prefloop.config.model import Reward
from prefloop.config.policies import Policy
from prefloop.embed.features import MANIFEST
from prefloop.errors import ConfigError, StateError
from prefloop.identity import Part, fingerprint, libraries, machine, parts
from prefloop.io.hashing import file_digest, text_id
from prefloop.io.json import read_json
from prefloop.io.layout import Layout
from prefloop.reward.kinds import uncertainty_model_identity

RUN_TABLES = ("rounds", "metrics", "downstream", "models")
RUN_FILES = (
    *(f"{name}.parquet" for name in (*RUN_TABLES, "acquired")),
    *("predictions.npy", "downstream_rewards.npy", "downstream_policy.npy", "model.safetensors", "run.json"),
)
# What decides a simulated run's numbers beside the project's own parts.
LIBRARIES = ("numpy", "scipy", "torch")
# Recorded in run.json, and no part of a run's identity: other source or versions give the same run.
FACTS = ("versions", "source")


def parts_of(policy: Policy, reward: Reward) -> dict[str, Part]:
    """Versions of the parts that a run with this policy and uncertainty model uses, one's own by their content."""
    batch, rule, model = policy.batch.policy, policy.pairs.rule, reward.kind
    chosen = {
        f"batch_policy.{batch}": batch_policy_identity(batch),
        f"pair_rule.{rule}": pair_rule_identity(rule),
        f"reward_model.{model}": uncertainty_model_identity(model),
    }
    used = [
        *("candidates", "division", "evaluation", "labels", "oracle", "rounds", "target"),
        # The initial labels' rule.
        "pair_rule.auto",
        *chosen,
    ]
    return parts(used, {name: identity for name, identity in chosen.items() if identity is not None})


@dataclass(frozen=True)
class Identity:
    """What the runs of one comparison have in common, and by it what identifies each.

    Attributes:
        params: parameters in force.
        layout: where inputs and outputs lie.
    """

    params: Params
    layout: Layout

    @cached_property
    def _inputs(self) -> str:
        return inputs_digest(self.layout)

    @cached_property
    def _encoder(self) -> dict[str, Any]:
        manifest: dict[str, Any] = read_json(self.layout.features / MANIFEST)
        return manifest

    def decisive(self, name: str, seed: int) -> dict[str, Any]:
        """All that decides a run's bytes but the number of rounds, so that a longer run continues a shorter one.

        Raises:
            ConfigError: no such policy, or an impossible seed.
        """
        params = self.params
        if name not in params.policies:
            raise ConfigError(f"unknown policy '{name}'; known: {', '.join(sorted(params.policies))}")
        if not 0 <= seed < 2**32:
            raise ConfigError(f"seed {seed}: expected an integer from 0 to 2**32 - 1")
        return {
            "policy": name,
            "seed": seed,
            "parts": parts_of(params.policies[name], params.reward),
            "parameters": self._sections(name, seed),
            "inputs": self._inputs,
            "libraries": libraries(*LIBRARIES),
            "machine": machine(params.benchmark.device, params.benchmark.threads),
        }

    def about(self, name: str, seed: int) -> dict[str, Any]:
        """Content of a run's run.json but for the recorded facts: what was run, on what, with which parameters.

        Raises:
            ConfigError: no such policy, or an impossible seed.
        """
        params, decisive = self.params, self.decisive(name, seed)
        sections = decisive["parameters"]
        return {
            "policy": name,
            "seed": seed,
            "dataset": dataset_name(params),
            "fingerprint": fingerprint(decisive),
            "parts": decisive["parts"] | parts(["downstream"]),
            "parameters": {
                **sections,
                "benchmark": {**sections["benchmark"], "rounds": params.benchmark.rounds},
                "downstream": params.downstream.model_dump(mode="json"),
            },
            "encoder": self._encoder,
            "machine": decisive["machine"],
            "budget": params.benchmark.budget,
        }

    def is_done(self, name: str, seed: int) -> bool:
        """Whether the run's folder holds, whole, what a run with these parameters would write."""
        folder = self.layout.run(name, seed)
        if not is_whole(folder):
            return False
        stored = read_json(folder / "run.json")
        return {key: value for key, value in stored.items() if key not in FACTS} == self.about(name, seed)

    def _sections(self, name: str, seed: int) -> dict[str, Any]:
        params = self.params
        left_out = {"policies", "seeds", "rounds", "jobs", "threads", "device"}
        division = params.data.split.model_dump(mode="json", exclude={"per_seed"})
        # Ties that train nothing are how runs were made before there was a choice: those stay as they are.
        ties = {} if params.labels.ties == "none" else {"labels": {"ties": params.labels.ties}}
        return {
            **ties,
            "policy": params.policies[name].model_dump(mode="json"),
            # The parameters of a model that is not trained decide nothing.
            "reward": params.reward.model_dump(mode="json", include={"balance", "kind", params.reward.kind}),
            "oracle": params.oracle.model_dump(mode="json"),
            "benchmark": params.benchmark.model_dump(mode="json", exclude=left_out),
            "division": {**division, "salt": params.data.split.salt_of(seed), "k": params.neighbours.k},
            "target": {"target": params.data.target, **params.data.target_file.model_dump(mode="json")},
        }


def is_whole(folder: Path) -> bool:
    """Whether every file of a finished run is there; the folder is written whole or not at all."""
    return all((folder / name).is_file() for name in RUN_FILES)


def inputs_digest(layout: Layout) -> str:
    """Hash of all that a run reads, hidden answers included, for the fingerprint of resume state.

    The features' manifest holds the hashes of its arrays, so they are not read again.

    Raises:
        StateError: a missing file.
    """
    files: list[Path] = [
        *sorted(layout.prepared.glob("*.parquet")),
        layout.features / "manifest.json",
        *sorted(layout.neighbours.iterdir()),
    ]
    try:
        return text_id(*(part for file in files for part in (file.name, file_digest(file))))
    except FileNotFoundError as error:
        raise StateError(f"{error.filename} is missing: run the stage that writes it (dvc repro)") from None


def dataset_name(params: Params) -> str:
    """A short name of the configured data, for reports and tracking."""
    data = params.data
    if data.source == "hub":
        return data.hub.preset
    if data.source == "example":
        return "example" if data.example.form == "pairs" else "example-responses"
    names = dict.fromkeys(entry.path.name.split(".")[0] for entry in data.files)
    return "+".join(names) or data.raw.name
