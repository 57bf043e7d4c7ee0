"""The very encoder that a reward model was trained with, found again from the model's provenance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefloop.config.data import Embed
from prefloop.embed.encoder import Encoder
from prefloop.embed.load import load_encoder
from prefloop.embed.locate import DEFAULT_MODEL, ModelFolder, find_model
from prefloop.embed.settings import CODE_VERSION
from prefloop.errors import ModelError

_SAME = ("pooling", "normalise", "max_length", "dtype")
_NEEDED = (*_SAME, "model", "revision", "model_digest", "code", "template", "chat_template")


def load_recorded_encoder(recorded: object, config: Embed) -> Encoder:
    """Load the encoder that the features' manifest describes, without the network.

    Args:
        recorded: the manifest of the features that the reward model was trained on (its provenance's
            key `encoder`).
        config: section `embed` in force. Its device and batch size are used; and its `model`, where that
            is a folder that holds the recorded weights (a manifest keeps no paths). The rest is recorded.

    Raises:
        ModelError: the record is incomplete, the encoder is not here, or its files are not the same.
        ConfigError: a device that is not here.
    """
    manifest = _complete(recorded)
    source = _find(manifest, config)
    same = {name: manifest[name] for name in _SAME}
    if not manifest["chat_template"]:  # with one, it stands in the tokenizer's files
        same["template"] = manifest["template"]
    return load_encoder(Embed.model_validate(config.model_dump() | same), source)


def _complete(recorded: object) -> Mapping[str, Any]:
    manifest = recorded if isinstance(recorded, Mapping) else {}
    if missing := [name for name in _NEEDED if name not in manifest]:
        raise ModelError(
            f"the reward model does not say which encoder it was trained with (missing: {', '.join(missing)}): "
            "train it again (dvc repro, or prefloop bench)"
        )
    if manifest["code"] != CODE_VERSION:
        raise ModelError(
            f"the reward model was trained on vectors of version {manifest['code']} of the embedding, this is "
            f"version {CODE_VERSION}: train it again (dvc repro, or prefloop bench)"
        )
    return manifest


def _find(manifest: Mapping[str, Any], config: Embed) -> ModelFolder:
    name, digest = manifest["model"], manifest["model_digest"]
    if Path(config.model).expanduser().is_dir():
        here = find_model(config.model, None)
        if here.digest() == digest:
            return here
    if name != DEFAULT_MODEL and manifest["revision"] is None:
        raise ModelError(
            f"the reward model was trained with the encoder in a folder '{name}' (digest {digest}), and "
            f"embed.model is {config.model}: set embed.model to that folder and pass the file with --params"
        )
    source = find_model(name, manifest["revision"], offline=True)
    if (came := source.digest()) != digest:
        raise ModelError(
            f"the files of the encoder {name} are not those that the reward model was trained with (digest "
            f"{came}, expected {digest}): restore them, or train again (dvc repro, or prefloop bench)"
        )
    return source
