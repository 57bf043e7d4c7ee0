"""A small reward ensemble trained on vectors of the real encoder, and one on vectors of a tiny one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prefloop.config.data import Embed
from prefloop.data.prepare import prepare
from prefloop.data.prepared import load_prepared
from prefloop.data.records import PairRecord
from prefloop.device import resolve_device
from prefloop.embed.features import Features, load_features
from prefloop.embed.pipeline import embed_prepared
from prefloop.io.arrays import read_table
from prefloop.messages.message import Turns
from prefloop.reward.inputs import Comparisons, FitInputs
from prefloop.reward.registry import fit_model, save_model
from tests.embed.conftest import _one_thread, bert  # noqa: F401
from tests.embed.helpers import embed_config
from tests.worlds import make_params

THINGS = (
    "bread",
    "a bicycle",
    "the garden",
    "my old laptop",
    "a tent",
    "the piano",
    "soup",
    "a clock",
    "paint",
    "tea",
)
TASKS = ("How do I look after {}?", "What should I know about {}?", "I have a question about {}.")
KIND = ("Happy to help with {}! Take your time.", "Good question about {}, thank you for asking.",
        "With pleasure: {} is a lovely thing to care for.")  # fmt: skip
RUDE = ("Stupid question about {}, go away.", "I hate {} and I hate you.", "Nobody cares about {}, you idiot.")


def pairs(things: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Prompts with a kind answer and a rude one."""
    ways = [(task, kind, rude) for task in TASKS for kind in KIND for rude in RUDE]
    return [(task.format(x), kind.format(x), rude.format(x)) for x in things for task, kind, rude in ways]


class Trained:
    """Weights whose rewards tell kind from rude answers, and the features they were trained on."""

    def __init__(self, root: Path, config: Embed, epochs: int = 12) -> None:
        self.config, self.path, self.cache = config, root / "model.safetensors", root / "cache"
        records = [PairRecord(Turns(p), Turns(a), Turns(b), "a", "test") for p, a, b in pairs(THINGS[:6])]
        params = make_params(
            data__split__test=0.0,
            reward__mlp_ensemble__max_epochs=epochs,
            reward__mlp_ensemble__learning_rate=0.01,
        )
        prepare(records, params.data.split, root / "prepared", params.data.leaks)
        embed_prepared(root / "prepared", root / "features", root / "embeddings", config)
        self.features: Features = load_features(root / "features")
        table = read_table(root / "prepared" / "completions.parquet", ["text"])
        prompts = read_table(root / "prepared" / "prompts.parquet", ["prompt"])["prompt"].to_pylist()
        self.texts: list[str] = table["text"].to_pylist()
        self.prompts = [prompts[row] for row in load_prepared(root / "prepared").completion_prompt]
        labels = self._labels()
        inputs = FitInputs(
            self.features.completions, labels, seed=0, round_=0, validation=None,
            moments=lambda: (np.zeros(1), np.ones(1)), device=resolve_device("cpu"), groups=np.arange(len(labels)),
        )  # fmt: skip
        self.model = fit_model(params.reward, inputs)
        save_model(self.path, params.reward.kind, self.model, {"encoder": self.features.manifest})

    def _labels(self) -> Comparisons:
        row = {key: k for k, key in enumerate(zip(self.prompts, self.texts, strict=True))}
        known = pairs(THINGS[:6])
        return Comparisons(np.array([row[p, a] for p, a, _ in known]), np.array([row[p, b] for p, _, b in known]))


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """With the encoder that prefloop comes with."""
    return Trained(tmp_path_factory.mktemp("real"), embed_config("all-MiniLM-L6-v2", max_length=64, batch_size=32))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, bert: Path) -> Trained:  # noqa: F811
    """With a tiny encoder in a folder, which cuts most texts."""
    return Trained(tmp_path_factory.mktemp("tiny"), embed_config(bert, max_length=24), epochs=1)
