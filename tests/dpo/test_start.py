from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BertModel,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from prefloop.dpo.config import Prompts, Start
from prefloop.dpo.prompt_set import load_prompts, load_texts
from prefloop.dpo.prompts import write_prompts
from prefloop.dpo.start import write_start
from prefloop.dpo.text_training import encode_texts, mean_loss, pack
from prefloop.dpo.tiny import END, train_tokenizer
from prefloop.errors import ConfigError, DataError, ModelError

BASE: dict[str, Any] = {
    "source": "tiny",
    "model": "nowhere",
    "revision": None,
    "chat": False,
    "seed": 0,
    "tiny": {"vocabulary": 300, "width": 16, "layers": 1, "heads": 2, "context": 128},
    "texts": {"epochs": 2, "learning_rate": 0.01, "batch_size": 8, "block": 64},
}
PROMPTS = Prompts.model_validate(
    {
        "source": "example",
        "files": (),
        "hub": {"preset": "imdb", "path": None, "revision": None},
        "example": {"seed": 0, "prompts": 60, "texts": 200},
        "prefix_words": None,
        "test": 0.3,
        "salt": "s",
    }
)


def config(**changes: Any) -> Start:
    return Start.model_validate(BASE | changes)


def texts_config(**changes: Any) -> dict[str, Any]:
    return BASE["texts"] | changes


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prompts") / "p"
    write_prompts(PROMPTS, folder)
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, texts: Path) -> Path:
    folder = tmp_path_factory.mktemp("start") / "tiny"
    write_start(config(), texts, folder, "cpu")
    return folder


def test_the_same_texts_and_seed_give_the_same_bytes(tiny: Path, texts: Path, tmp_path: Path) -> None:
    torch.manual_seed(17)
    write_start(config(), texts, tmp_path / "again", "cpu")
    assert content(tmp_path / "again") == content(tiny)
    write_start(config(seed=1), texts, tmp_path / "other", "cpu")
    assert content(tmp_path / "other")["model.safetensors"] != content(tiny)["model.safetensors"]


def test_training_lowers_the_loss_and_the_facts_name_no_place(tiny: Path, texts: Path) -> None:
    about = json.loads((tiny / "start.json").read_text())
    assert about["test_loss"]["after"] < about["test_loss"]["before"] - 1
    assert about["train_loss"]["after"] < about["train_loss"]["before"] - 1
    assert about["test_loss"]["before"] == pytest.approx(np.log(about["vocabulary"]), abs=0.3)
    assert (about["source"], about["model"], about["revision"]) == ("tiny", "tiny", None)
    assert about["parameters"] == AutoModelForCausalLM.from_pretrained(tiny).num_parameters()
    assert about["texts"] == {split: len(load_texts(texts, split)) for split in ("train", "test")}
    assert not any(str(folder) in path for path in content(tiny) for folder in (texts, tiny.parent))


def test_the_folder_imposes_no_sampling_and_can_be_read_by_all(tiny: Path) -> None:
    settings_ = json.loads((tiny / "generation_config.json").read_text())
    assert set(settings_) <= {"bos_token_id", "eos_token_id", "pad_token_id", "transformers_version"}
    assert json.loads((tiny / "config.json").read_text())["use_cache"] is True
    assert len({path.stat().st_mode for path in tiny.iterdir()}) == 1


@given(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: "<|" not in text))
@settings(deadline=None)
def test_any_text_has_tokens_and_comes_back(tiny: Path, text: str) -> None:
    tokenizer = _tokenizer(tiny)
    tokens = tokenizer(text)["input_ids"]
    assert tokens[0] == tokenizer.bos_token_id
    assert not {tokenizer.bos_token_id, tokenizer.eos_token_id} & set(tokens[1:])
    assert tokenizer.decode(tokens, skip_special_tokens=True) == text


_KNOWN: dict[Path, Any] = {}


def _tokenizer(folder: Path) -> Any:
    return _KNOWN.setdefault(folder, AutoTokenizer.from_pretrained(folder))


def test_a_prompt_and_its_continuation_are_tokenised_as_the_text_was(tiny: Path, texts: Path) -> None:
    tokenizer = _tokenizer(tiny)
    prompts = load_prompts(texts)
    pool = [prompts.texts[k] for k in prompts.pool]
    for text in load_texts(texts, "train")[:50]:
        prompt = next(prompt for prompt in pool if text.startswith(prompt))
        whole, part = tokenizer(text)["input_ids"], tokenizer(prompt)["input_ids"]
        assert whole[: len(part)] == part


def test_the_vocabulary_does_not_depend_on_the_order_of_texts(texts: Path) -> None:
    train = load_texts(texts, "train")
    first, second = (train_tokenizer(order, 400).backend_tokenizer.to_str() for order in (train, train[::-1]))
    assert first == second


TOKENS = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=20), min_size=1, max_size=20)


@given(TOKENS, st.integers(8, 16))
def test_blocks_hold_all_tokens_in_order_and_begin_with_a_text(texts: list[list[int]], length: int) -> None:
    tokens, labels = pack([np.array(text, dtype=np.int32) for text in texts], length)
    assert tokens.shape == labels.shape
    assert labels[labels != -100].tolist() == [token for text in texts for token in text]
    assert (tokens[labels != -100] == labels[labels != -100]).all()
    assert ((labels == -100).astype(int)[:, :-1] <= (labels == -100).astype(int)[:, 1:]).all()
    pieces = {tuple(text[k : k + length]) for text in texts for k in range(0, len(text), length)}
    for row in labels.tolist():
        used = [token for token in row if token != -100]
        assert any(tuple(used[: len(piece)]) == piece for piece in pieces)


def test_the_loss_is_the_mean_over_tokens(tiny: Path, texts: Path) -> None:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tiny).eval(), _tokenizer(tiny)
    encoded = encode_texts(tokenizer, load_texts(texts, "test")[:7])
    assert all(tokens[0] == tokenizer.bos_token_id and tokens[-1] == tokenizer.eos_token_id for tokens in encoded)
    summed = count = 0.0
    for tokens in encoded:
        row = torch.tensor(tokens[:40].tolist())[None]
        with torch.inference_mode():
            summed += float(model(input_ids=row, labels=row).loss) * (row.shape[1] - 1)
        count += row.shape[1] - 1
    assert mean_loss(model, encoded, 40) == pytest.approx(summed / count, rel=1e-5)
    assert mean_loss(model, [], 40) is None


@pytest.fixture(scope="module")
def given_model(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """A random model in a folder with settings of its own and without a padding token."""
    folder = tmp_path_factory.mktemp("given") / "some-model"
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.pad_token = None
    torch.manual_seed(3)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=2, max_position_embeddings=96, bos_token_id=0, eos_token_id=1,
        )
    )  # fmt: skip
    model.generation_config = GenerationConfig(do_sample=True, top_k=5, repetition_penalty=1.3, eos_token_id=1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def given_config(folder: Path, epochs: int, **changes: Any) -> Start:
    return config(source="model", model=str(folder), texts=texts_config(epochs=epochs), **changes)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").state_dict()
    return state


def test_without_epochs_a_model_stays_as_it_is(given_model: Path, texts: Path, tmp_path: Path) -> None:
    write_start(given_config(given_model, 0), texts, tmp_path / "out", "cpu")
    before, after = weights(given_model), weights(tmp_path / "out")
    assert all(torch.equal(before[name], after[name]) for name in before)
    about = json.loads((tmp_path / "out/start.json").read_text())
    assert about["model"] == "some-model"
    assert about["test_loss"]["before"] == about["test_loss"]["after"]
    settings_ = json.loads((tmp_path / "out/generation_config.json").read_text())
    assert not {"top_k", "do_sample", "repetition_penalty"} & set(settings_)
    assert AutoTokenizer.from_pretrained(tmp_path / "out").pad_token == END


def test_a_model_without_texts_needs_no_training(given_model: Path, texts: Path, tmp_path: Path) -> None:
    alone = prompts_alone(tmp_path)
    write_start(given_config(given_model, 0), alone, tmp_path / "out", "cpu")
    assert json.loads((tmp_path / "out/start.json").read_text())["test_loss"]["after"] is None
    for wanted in (given_config(given_model, 1), config()):
        with pytest.raises(DataError, match="no text to train the start model on"):
            write_start(wanted, alone, tmp_path / "out", "cpu")


def prompts_alone(folder: Path) -> Path:
    path = folder / "x.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"Prompt {k}"}) + "\n" for k in range(30)))
    write_prompts(PROMPTS.model_copy(update={"source": "files", "files": (path,)}), folder / "alone")
    return folder / "alone"


def test_wrong_settings_are_named(given_model: Path, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match=r"start\.chat: true, but the tiny model has no chat template"):
        write_start(config(chat=True), texts, out, "cpu")
    with pytest.raises(ConfigError, match=r"start\.texts\.epochs: 0 leaves the tiny model untrained"):
        write_start(config(texts=texts_config(epochs=0)), texts, out, "cpu")
    with pytest.raises(ConfigError, match=r"start\.texts\.block: got 200, but the model has 128 positions"):
        write_start(config(texts=texts_config(block=200)), texts, out, "cpu")
    with pytest.raises(
        ModelError, match=r"start\.chat: true, but the tokenizer of some-model has no chat template"
    ):
        write_start(given_config(given_model, 0, chat=True), texts, out, "cpu")
    assert not out.exists()


def test_unusable_models_are_named(given_model: Path, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ModelError, match=r"start\.model: there is no folder"):
        write_start(given_config(tmp_path / "absent", 0), texts, out, "cpu")
    BertModel(BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                         intermediate_size=8)).save_pretrained(tmp_path / "bert")  # fmt: skip
    with pytest.raises(ModelError, match=r"start\.model: bert is a BertModel: expected a causal language model"):
        write_start(given_config(tmp_path / "bert", 0), texts, out, "cpu")
    for name, change in (("endless", {"eos_token": None}), ("larger", {})):
        shutil.copytree(given_model, tmp_path / name)
        tokenizer = AutoTokenizer.from_pretrained(given_model)
        fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, **change)
        if name == "larger":
            fast.add_special_tokens({"eos_token": "<new>"})
        fast.save_pretrained(tmp_path / name)
    with pytest.raises(ModelError, match=r"tokenizer of endless has no end token"):
        write_start(given_config(tmp_path / "endless", 0), texts, out, "cpu")
    with pytest.raises(ModelError, match=r"tokenizer of larger has 301 tokens, its weights know 300"):
        write_start(given_config(tmp_path / "larger", 0), texts, out, "cpu")
    shutil.copytree(given_model, tmp_path / "damaged")
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match=r"start\.model: damaged cannot be loaded"):
        write_start(given_config(tmp_path / "damaged", 0), texts, out, "cpu")


def test_nothing_is_printed_to_stdout(
    given_model: Path, texts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_start(given_config(given_model, 1), texts, tmp_path / "out", "cpu")
    out, err = capfd.readouterr()
    assert out == ""
    assert "shards" not in err
    assert "Loading" not in err
