"""Conversations through a chat template: the model's own vector of the template over the messages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from prefloop.config.data import Leaks, Split
from prefloop.data.prepare import prepare
from prefloop.data.records import PairRecord
from prefloop.embed.features import load_features
from prefloop.embed.pipeline import embed_prepared
from prefloop.embed.texts import TextEncoder
from prefloop.errors import ModelError
from prefloop.io.arrays import read_table
from prefloop.messages.message import Call, Message, Turns, as_dicts
from tests.embed.helpers import embed_config

OPEN = Split(val=0, test=0, salt="s", per_seed=True, max_prompt_share=1)
ASKED = Turns.prompt(
    [
        Message("system", "Be brief."),
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "Fruit?"),
    ]
)


def test_the_vector_is_the_models_own(chat_llama: Path, tmp_path: Path) -> None:
    longer = Turns.completion([Message("assistant", "A?"), Message("user", "Any"), Message("assistant", "Pear")])
    rows = [(ASKED, Turns("Pear"), Turns("Chair")), (Turns("Hi"), Turns("Yes"), longer)]
    records = [PairRecord(*row, "a", "s") for row in rows]
    prepare(records, OPEN, tmp_path / "p", Leaks(similarity=0.8, most=0))
    embed_prepared(tmp_path / "p", tmp_path / "f", tmp_path / "c", embed_config(chat_llama, max_length=120))
    features = load_features(tmp_path / "f")
    turns = {of.plain: of for row in rows for of in row}
    prompts = [turns[text] for text in read_table(tmp_path / "p" / "prompts.parquet")["prompt"].to_pylist()]
    for vector, prompt in zip(features.prompts, prompts, strict=True):
        assert np.abs(vector - own_vector(chat_llama, prompt.as_prompt(), True)).max() < 1e-5
    completions = read_table(tmp_path / "p" / "completions.parquet")["text"].to_pylist()
    for vector, text in zip(features.completions, completions, strict=True):
        prompt = next(row[0] for row in rows if turns[text] in row[1:])
        messages = prompt.as_prompt() + turns[text].as_completion()
        assert np.abs(vector - own_vector(chat_llama, messages, False)).max() < 1e-5


def own_vector(folder: Path, messages: tuple[Message, ...], asks: bool) -> np.ndarray:
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    ids = tokenizer.apply_chat_template(
        as_dicts(messages), add_generation_prompt=asks, return_tensors="pt", return_dict=True
    )["input_ids"]
    with torch.inference_mode():
        mean = model(ids).last_hidden_state[0].mean(0)
    return (mean / mean.norm()).numpy()


def test_without_a_template_the_plain_form_is_read(llama: Path) -> None:
    texts = TextEncoder(AutoTokenizer.from_pretrained(llama), "{prompt}|{completion}", 120)
    assert texts.answers([ASKED], [Turns("Pear")]) == texts.answers([Turns(ASKED.plain)], [Turns("Pear")])


REFUSES = (
    "{% for m in messages %}{% if m.role == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}{{ m.content }}{% endfor %}"
)


def test_a_template_that_refuses_a_role(chat_llama: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(chat_llama)
    tokenizer.chat_template = REFUSES
    texts = TextEncoder(tokenizer, "{prompt}{completion}", 120)
    with pytest.raises(ModelError, match=r"order: system, user, assistant, user \(System role not supported\)"):
        texts.prompts([ASKED])


def test_a_template_sees_tool_calls_as_objects(chat_llama: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(chat_llama)
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function.name }}"
        "{{ c.function.arguments.at }}{% endfor %};{% endfor %}"
    )
    texts = TextEncoder(tokenizer, "{prompt}{completion}", 120)
    calls = [Turns.completion([Message("assistant", "", (Call("rain", f'{{"at":"{at}"}}'),))]) for at in "xy"]
    first, second = texts.answers([Turns("?")] * 2, calls)
    assert tokenizer.decode(first) == "?;rainx;"
    assert first != second
