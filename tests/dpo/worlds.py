"""A small start model with a tokenizer in a folder, prompts, and parameters: what runs of active DPO need."""

from __future__ import annotations

import copy
import json

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from prefloop.config import parse_params
from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.prompts import write_prompts
from prefloop.dpo.run import load_problem, run_policy
from tests.worlds import parameters

WORDS = """
one day the a cat dog tom mia and was it saw then good happy love great nice fun bad sad cry hate awful
lost home sun rain .
""".split()  # noqa: SIM905
SPECIAL = ["<pad>", "<end>", "<unk>"]


def write_start(folder, seed=0):
    """A random Llama of one layer whose tokens are words, some of them with feelings."""
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", pad_token="<pad>", unk_token="<unk>"
    )
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=48,
        initializer_range=0.3,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def prompts(count):
    """Distinct prompts of two to four words."""
    names = ["tom", "mia", "cat", "dog", "sun", "rain"]
    found = [f"{a} {b} {c}" for a in names for b in ("saw", "and", "was") for c in names]
    found += [f"the {text}" for text in found] + [f"one day {text}" for text in found]
    assert count <= len(found)
    return found[:count]


SMALL = {
    "sampling": {"max_new_tokens": 8, "batch_size": 64},
    "train": {"learning_rate": 0.003, "epochs": 1, "batch_size": 4, "micro_batch_size": 4},
    "run": {"seeds": [0], "batch": 6, "rounds": 3, "device": "cpu"},
    "evaluation": {"prompts": 24},
    "compare": {"resamples": 100},
    "tracking": {"enabled": False},
    "policies": {
        "entropy": {"prompts": 2, "samples": 3},
        "certainty": {"pairs": 2},
        "least_certain": {"pairs": 2},
        "hybrid": {"pairs": 2, "prompts": 2, "samples": 3},
        "random_compute_matched": {"pairs": 2, "prompts": 2, "samples": 3},
        "diverse_certainty": {"pairs": 2, "sketch": 16},
        "d_optimal": {"pairs": 2, "sketch": 16},
    },
}


def small_params(**changes):
    """dpo/params.yaml with a small world's settings, changed by {section: {key: value}}."""
    content = copy.deepcopy(parameters("dpo/params.yaml"))
    content["prompts"] |= {"source": "files", "test": 0.25}
    for update in (SMALL, changes):
        _merge(content, update)
    return parse_params(content, "test", DpoParams)


def _merge(into, update):
    for key, value in update.items():
        if isinstance(value, dict) and "kind" not in value and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def make_world(root, count=200, seed=0):
    """Prompts and a start model in a folder, by the stages' own code; returns its layout."""
    layout = DpoLayout.folder(root)
    root.mkdir(parents=True, exist_ok=True)
    file = root / "prompts.jsonl"
    file.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in prompts(count)))
    write_prompts(small_params(prompts={"files": [str(file)]}).prompts, layout.prompts)
    write_start(layout.start, seed)
    return layout


def run(layout, params, name="random", seed=0, seen=None):
    """Run one policy; what is shown after each round goes into `seen`."""
    observe = lambda about: seen.append if seen is not None else lambda done: None  # noqa: E731
    return run_policy(params, layout, load_problem(params, layout), name, seed, observe)


def content(folder):
    """Every file of a run's folder by its name."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
