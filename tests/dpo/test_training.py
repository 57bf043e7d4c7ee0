"""DPO on the toy model: starts at ln 2 and at the reference, uses the sampled tokens, repeats exactly."""

from __future__ import annotations

import contextlib
import copy
import gc
import math
import random
import tempfile

import datasets
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from trl.trainer import utils as trl_utils
from trl.trainer.base_trainer import _BaseTrainer

from prefloop.dpo import training
from prefloop.dpo.config import Lora, Train
from prefloop.dpo.logprobs import completion_logprobs
from prefloop.dpo.training import Preference, train_dpo
from prefloop.errors import ConfigError, StateError
from tests.dpo.toys import END, VOCABULARY, completions, toy_model

FULL = Train(mode="reset", beta=0.2, learning_rate=3e-3, epochs=3, batch_size=8, micro_batch_size=8, lora=None)
LORA = FULL.model_copy(
    update={"lora": Lora(rank=4, alpha=8.0, dropout=0.0, targets="all-linear"), "learning_rate": 3e-2}
)
BOTH = pytest.mark.parametrize("config", [FULL, LORA], ids=["full", "lora"])


@pytest.fixture(scope="module")
def tokenizer():
    words = {"<pad>": END, **{str(n): n for n in range(VOCABULARY - 1)}}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="0")), pad_token="<pad>", eos_token="<pad>"
    )


@pytest.fixture(scope="module")
def reference():
    return toy_model()


def preferred(model):
    """Two completions of each of 60 prompts; the one with more tokens '3' wins."""
    rng, every, found = np.random.default_rng(0), completions(), []
    prompts = [(0, 1), (0, 2), (0, 3)]
    logs_of = [completion_logprobs(model, [prompt] * len(every), every, 128) for prompt in prompts]
    for k in range(60):
        prompt, logs = prompts[k % 3], logs_of[k % 3]
        pair = rng.choice(len(every), size=2, p=np.exp(logs) / np.exp(logs).sum())
        lost, won = sorted(pair.tolist(), key=lambda n: every[n].count(3))
        if every[won].count(3) != every[lost].count(3):
            found.append(Preference(prompt, every[won], every[lost], float(logs[won]), float(logs[lost])))
    assert len(found) > 20
    return found


@pytest.fixture(scope="module")
def preferences(reference):
    return preferred(reference)


@pytest.fixture
def train(tokenizer):
    def run(start, preferences, config=FULL, seed=0, round_=1):
        return train_dpo(start, tokenizer, preferences, config, seed=seed, round_=round_)

    return run


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def margins(model, preferences):
    prompts = [p.prompt for p in preferences]
    won, lost = (
        completion_logprobs(model, prompts, [getattr(p, name) for p in preferences], 64)
        for name in ("chosen", "rejected")
    )
    return won - lost - [p.reference_chosen - p.reference_rejected for p in preferences]


@BOTH
def test_the_loss_starts_at_ln_2_and_the_reference_stays(reference, preferences, train, capsys, config):
    before = weights(reference)
    policy, losses = train(reference, preferences, config)
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[-1] < losses[0]
    assert same(weights(reference), before)
    assert not same(weights(policy), before)
    assert len(losses) == 3 * math.ceil(len(preferences) / 8)
    assert capsys.readouterr().out == ""


@BOTH
def test_every_preference_is_learnt_from(reference, preferences, train, config):
    policy, _ = train(reference, preferences, config)
    assert (margins(policy, preferences) > 0).mean() > 0.9
    np.testing.assert_allclose(margins(reference, preferences), 0, atol=1e-4)


@BOTH
def test_the_policy_is_the_start_model_with_other_weights(reference, preferences, train, config):
    policy, _ = train(reference, preferences, config)
    assert type(policy) is type(reference)
    assert vars(policy).keys() == vars(reference).keys()
    assert policy.state_dict().keys() == reference.state_dict().keys()
    assert policy.config.to_dict() == reference.config.to_dict()
    assert not policy.training
    assert all(p.requires_grad for p in policy.parameters())


def test_the_same_seed_gives_the_same_weights_and_another_round_others(reference, preferences, train):
    first = weights(train(reference, preferences)[0])
    assert same(first, weights(train(reference, preferences)[0]))
    assert not same(first, weights(train(reference, preferences, round_=2)[0]))
    assert not same(first, weights(train(reference, preferences, seed=1)[0]))


@BOTH
def test_global_random_numbers_neither_matter_nor_move(reference, preferences, train, config):
    def draw():
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    def seed(number):
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002
        torch.manual_seed(number)

    seed(5)
    expected = draw()
    seed(5)
    first = weights(train(reference, preferences, config)[0])
    assert draw() == expected
    assert same(first, weights(train(reference, preferences, config)[0]))


@BOTH
def test_it_can_go_on_from_a_policy(reference, preferences, train, config):
    policy, _ = train(reference, preferences, config)
    further, losses = train(policy, preferences, config, round_=2)
    assert losses[0] < math.log(2) - 0.05
    assert not same(weights(further), weights(policy))
    plain = copy.deepcopy(reference)
    plain.load_state_dict(further.state_dict())
    np.testing.assert_array_equal(margins(further, preferences), margins(plain, preferences))


@BOTH
@pytest.mark.parametrize("count", [16, 21])
def test_accumulated_parts_make_the_same_steps(reference, preferences, train, config, count):
    """Whole steps and broken ones: 21 leaves a step of 5 preferences, of which the last part has 1."""
    whole, losses = train(reference, preferences[:count], config)
    parts, others = train(reference, preferences[:count], config.model_copy(update={"micro_batch_size": 4}))
    np.testing.assert_allclose(others, losses, atol=1e-5)
    np.testing.assert_allclose(margins(parts, preferences), margins(whole, preferences), atol=2e-3)


def test_losses_that_are_not_finite_are_told(reference, preferences, train):
    with pytest.raises(StateError, match=r"step \d+ is .*: lower train\.learning_rate"):
        train(reference, preferences, FULL.model_copy(update={"learning_rate": 1e30}))


def test_adapters_go_where_they_are_told(reference, preferences, train):
    lora = LORA.lora.model_copy(update={"targets": ("q_proj", "v_proj")})
    policy, _ = train(reference, preferences, LORA.model_copy(update={"lora": lora}))
    before, after = reference.state_dict(), policy.state_dict()
    changed = {name.split(".")[-2] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"q_proj", "v_proj"}


@pytest.mark.parametrize("target", ["c_attn", "lm_head"])
def test_adapters_for_modules_that_are_not_there_are_refused(reference, preferences, train, target):
    lora = LORA.lora.model_copy(update={"targets": ("q_proj", target)})
    with pytest.raises(ConfigError, match=rf"targets: {target}: .*k_proj.*or all-linear"):
        train(reference, preferences, LORA.model_copy(update={"lora": lora}))


def test_dropout_of_adapters_works_and_begins_at_ln_2_too(reference, preferences, train):
    lora = LORA.lora.model_copy(update={"dropout": 0.5})
    dropped, losses = train(reference, preferences, LORA.model_copy(update={"lora": lora}))
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert not same(weights(dropped), weights(train(reference, preferences, LORA)[0]))


@BOTH
def test_gpt2_with_tied_embeddings_and_dropout_is_trained(train, config):
    torch.manual_seed(0)
    shape = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32, "vocab_size": VOCABULARY}
    ends = {"bos_token_id": 0, "eos_token_id": END, "pad_token_id": END}
    model = GPT2LMHeadModel(GPT2Config(**shape, **ends, initializer_range=0.3)).eval()
    policy, losses = train(model, preferred(model), config)
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[-1] < losses[0] - 0.05
    assert policy.lm_head.weight is policy.transformer.wte.weight
    assert [m.p for m in policy.modules() if isinstance(m, torch.nn.Dropout)].count(0.1) > 4


def test_nothing_is_left_on_disk_and_nobody_is_told(reference, preferences, train, tmp_path, monkeypatch):
    def telling(self):
        raise AssertionError("the library reports what is trained")

    monkeypatch.setattr(_BaseTrainer, "_send_telemetry", telling)
    for variable in ("HOME", "TMPDIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    train(reference, preferences)
    assert list(tmp_path.iterdir()) == []


def test_the_narrow_buffers_change_no_bit_and_are_given_back(reference, preferences, train, monkeypatch):
    wide = trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE
    narrow = weights(train(reference, preferences)[0])
    assert trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE == wide > VOCABULARY
    monkeypatch.setattr(training, "_narrow_buffers", lambda policy: contextlib.nullcontext())
    assert same(weights(train(reference, preferences)[0]), narrow)


@BOTH
def test_its_memory_is_given_back_without_a_garbage_collection(reference, preferences, train, config):
    def live():
        return sum(type(thing) is torch.nn.Parameter for thing in gc.get_objects())

    train(reference, preferences, config)
    gc.collect()
    before = live()
    gc.disable()
    try:
        train(reference, preferences, config)
        assert live() == before
    finally:
        gc.enable()


def test_random_verdicts_teach_nothing_that_carries_over(reference, preferences, train):
    """Half of the pairs turned round: the mean margin of untouched pairs stays near zero."""
    rng = np.random.default_rng(0)
    flip = rng.random(len(preferences)) < 0.5

    def turned(p):
        return Preference(p.prompt, p.rejected, p.chosen, p.reference_rejected, p.reference_chosen)

    noisy = [turned(p) if f else p for p, f in zip(preferences, flip, strict=True)]
    learnt = margins(train(reference, preferences)[0], preferences).mean()
    confused = margins(train(reference, noisy)[0], preferences).mean()
    assert abs(confused) < 0.4 * learnt
