"""TRL trains on the exported file as it is: one step of direct preference optimisation with a tiny model."""

import math
import re
from pathlib import Path

import pytest
import torch
from datasets import load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from prefloop.exchange.acquired import acquired_by_run
from prefloop.exchange.dataset import write_preferences
from prefloop.exchange.form import Form
from tests.worlds import ROOT

CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal language model over bytes, with random weights, a chat template, an end and a padding token."""
    vocab = {token: row for row, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="<pad>")
    fast.chat_template = CHAT
    folder = tmp_path_factory.mktemp("model")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=512, eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def trainer(model, dataset, folder):
    from trl import DPOConfig, DPOTrainer

    config = DPOConfig(
        output_dir=str(folder), max_steps=1, per_device_train_batch_size=4, logging_steps=1, report_to=[],
        max_length=None, use_cpu=True, bf16=False, save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    return DPOTrainer(model=str(model), args=config, train_dataset=dataset)


CPU = "use_cpu=True, bf16=False"
CASES = [(Form.trl, "parquet"), (Form.trl, "jsonl"), (Form.ultrafeedback, "parquet")]


@pytest.mark.parametrize(("form", "ending"), CASES)
def test_a_step_of_dpo(named, acquired, model, tmp_path, form, ending):
    path = tmp_path / f"set.{ending}"
    counts = write_preferences(acquired_by_run(acquired), named.prepared, path, form)
    builder = "parquet" if ending == "parquet" else "json"
    dataset = load_dataset(builder, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    if form is Form.ultrafeedback:
        dataset = dataset.remove_columns("prompt")
    training = trainer(model, dataset, tmp_path / "out")
    # No row is dropped on the way, and what is learnt is exactly the two answers.
    prepared = training.train_dataset
    assert len(prepared) == counts["rows"]
    decode = training.processing_class.decode
    for row, tokens in zip(dataset, prepared, strict=True):
        assert [decode(tokens[f"{side}_ids"]) for side in ("chosen", "rejected")] == [
            f"{row[side][-1]['content']}</s>" for side in ("chosen", "rejected")
        ]
        assert decode(tokens["prompt_ids"]).endswith("</s><|assistant|>")
    training.train()
    first = training.state.log_history[0]
    # Before the first step the policy is its own reference.
    assert first["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert first["grad_norm"] > 0


def test_the_published_schema_needs_its_prompt_removed(named, acquired, model, tmp_path):
    """Why there are two formats; when TRL learns to read both, this fails and the documentation can say so."""
    write_preferences(acquired_by_run(acquired), named.prepared, tmp_path / "x.parquet", Form.ultrafeedback)
    dataset = load_dataset("parquet", data_files=str(tmp_path / "x.parquet"), cache_dir=str(tmp_path / "cache"))
    with pytest.raises((TypeError, AttributeError)):
        trainer(model, dataset["train"], tmp_path / "out")


def test_the_documented_lines_run(named, acquired, model, tmp_path, monkeypatch):
    """The guide's training script, word for word but for the model's name and what a CPU needs."""
    blocks = [
        block
        for page in sorted((ROOT / "docs").glob("*.md"))
        for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
        if "DPOTrainer" in block
    ]
    assert len(blocks) == 1
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    counts = write_preferences(acquired_by_run(acquired), named.prepared, Path("acquired.parquet"), Form.trl)
    names: dict[str, object] = {}
    script = blocks[0].replace("your-model", str(model)).replace("report_to=[]", f"report_to=[], {CPU}")
    exec(script, names)
    training = names["trainer"]
    assert len(training.train_dataset) == counts["rows"]
    assert training.state.global_step > 0
