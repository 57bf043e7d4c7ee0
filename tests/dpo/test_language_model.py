"""Loading, encoding and weights of language models."""

from __future__ import annotations

import json

import pytest
import torch

from prefloop.dpo.language_model import (
    LanguageModel,
    encode_prompts,
    load_model,
    load_weights,
    save_weights,
    weights_digest,
)
from prefloop.dpo.sampling import Draw, Request, sample
from prefloop.dpo.tiny import train_tokenizer
from prefloop.errors import DataError, ModelError, StateError
from prefloop.messages.message import Turns
from prefloop.rng import Stream
from tests.dpo.worlds import write_start


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("start"))


def load(folder, chat=False):
    return load_model(folder, device=torch.device("cpu"), chat=chat)


def test_text_and_tokens(folder):
    of = load(folder)
    tokens = of.encode(Turns("tom saw rain"))
    assert len(tokens) == 3
    assert of.decode((*tokens, of.end)) == "tom saw rain"


def test_a_text_that_spells_the_end_token_is_text(folder):
    tokenizer = train_tokenizer(["tom saw rain"] * 5, 300)
    of = LanguageModel(load(folder).model, tokenizer, tokenizer.eos_token_id, chat=False)
    text = f"tom {tokenizer.eos_token} saw"
    assert of.end not in of.encode(Turns(text))
    assert tokenizer.decode(of.encode(Turns(text)), skip_special_tokens=True) == text


def test_a_models_own_sampling_settings_change_nothing(folder, tmp_path):
    other = write_start(tmp_path)
    settings = {"repetition_penalty": 9.0, "min_new_tokens": 6, "suppress_tokens": [3, 4, 5], "top_k": 2}
    (other / "generation_config.json").write_text(json.dumps({"eos_token_id": 1, "do_sample": True, **settings}))
    wrote = []
    for of in (load(folder), load(other)):
        requests = [Request(of.encode(Turns("tom saw")), (0, k)) for k in range(30)]
        wrote.append(sample(of.model, requests, Draw(0, 0, Stream.GENERATE, 1.0, 6), end=of.end, batch_size=8))
    assert wrote[0] == wrote[1]


def test_code_that_lies_beside_a_model_is_refused_without_a_question(tmp_path):
    other = write_start(tmp_path)
    code = {"AutoConfig": "mine.Config", "AutoModelForCausalLM": "mine.Model"}
    (other / "config.json").write_text(json.dumps({"model_type": "mine", "auto_map": code}))
    (other / "mine.py").write_text("raise SystemExit(9)")
    with pytest.raises(ModelError, match="no causal language model that transformers can load"):
        load(other)


def test_weights_come_back_and_the_same_weights_give_the_same_digest_and_bytes(folder, tmp_path):
    of, other = load(folder), load(folder)
    with torch.no_grad():
        of.model.model.layers[0].mlp.up_proj.weight.mul_(1.5)
    save_weights(tmp_path / "a.safetensors", of.model)
    save_weights(tmp_path / "b.safetensors", of.model)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    back = load_weights(tmp_path / "a.safetensors", other.model)
    assert weights_digest(back) == weights_digest(of.model) != weights_digest(other.model)
    assert back.lm_head.weight.data_ptr() == back.model.embed_tokens.weight.data_ptr()


def test_damaged_weights_are_named(folder, tmp_path):
    of = load(folder)
    path = tmp_path / "weights.safetensors"
    save_weights(path, of.model)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(StateError, match=r"weights\.safetensors is damaged"):
        load_weights(path, of.model)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(ModelError, match="no causal language model"):
        load(tmp_path)


def test_a_chat_template_must_be_there(folder):
    with pytest.raises(ModelError, match=r"start\.chat"):
        load(folder, chat=True)


def test_a_prompt_must_leave_room(folder):
    with pytest.raises(DataError, match=r"50 tokens and sampling\.max_new_tokens is 8: expected at most 48"):
        encode_prompts(load(folder), [Turns("tom"), Turns("cat " * 50)], 8)
