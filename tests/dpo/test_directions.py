"""Sketched last-layer gradients against autograd, on models of two architectures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from prefloop.dpo.directions import sketch_signs, sketched_gradients
from tests.dpo.toys import END, VOCABULARY, completions, toy_model

PROMPTS = [(0, 1), (0, 2, 3), (0, 3), (0, 1, 1, 2)]
SIZE, WIDTH = 24, 16


def gpt2():
    torch.manual_seed(1)
    shape = {"n_embd": WIDTH, "n_layer": 2, "n_head": 2, "n_positions": 32, "vocab_size": VOCABULARY}
    ends = {"bos_token_id": 0, "eos_token_id": END, "pad_token_id": END}
    # Its output matrix is tied to the embeddings of the input.
    return GPT2LMHeadModel(GPT2Config(**shape, **ends, initializer_range=0.3)).eval()


@pytest.fixture(scope="module", params=[toy_model, gpt2], ids=["llama", "gpt2"])
def model(request):
    return request.param()


@pytest.fixture(scope="module")
def texts():
    every = completions()
    picks = np.random.default_rng(0).choice(len(every), size=12, replace=False)
    return [PROMPTS[k % 4] for k in range(12)], [every[n] for n in picks]


def exact_gradients(model, prompts, written):
    """d log pi(y | x) / d W by autograd, through an output matrix that is nobody else's, [n, V, d]."""
    found = []
    for x, y in zip(prompts, written, strict=True):
        tokens = torch.tensor([[*x, *y]])
        hidden = model(input_ids=tokens, output_hidden_states=True).hidden_states[-1][0].detach().double()
        matrix = model.get_output_embeddings().weight.detach().double().requires_grad_()
        logs = (hidden @ matrix.T).log_softmax(dim=1)
        total = sum(logs[len(x) + n - 1, token] for n, token in enumerate(y))
        found.append(torch.autograd.grad(total, matrix)[0].numpy())
    return np.array(found)


def test_a_sketch_is_that_of_the_exact_gradient(model, texts):
    a, b = sketch_signs(SIZE, VOCABULARY, WIDTH)
    expected = np.einsum("kv,nvd,kd->nk", a, exact_gradients(model, *texts), b) / SIZE**0.5
    got = sketched_gradients(model, *texts, SIZE, batch_size=5)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


def test_nobody_elses_texts_matter(model, texts):
    together = sketched_gradients(model, *texts, SIZE, batch_size=12)
    for n, (x, y) in enumerate(zip(*texts, strict=True)):
        np.testing.assert_allclose(sketched_gradients(model, [x], [y], SIZE, 1)[0], together[n], atol=2e-5)


def test_inner_products_are_unbiased_and_as_exact_as_promised(model, texts):
    """Over disjoint parts of one wide sketch: each is a sketch of its own."""
    parts, size = 400, 64
    wide = sketched_gradients(model, *texts, parts * size, batch_size=12) * (parts * size) ** 0.5
    sketches = wide.reshape(12, parts, size) / size**0.5
    estimates = np.einsum("nps,mps->pnm", sketches, sketches)
    flat = exact_gradients(model, *texts).reshape(12, -1)
    exact, lengths = flat @ flat.T, np.linalg.norm(flat, axis=1)
    bound = np.sqrt(8 / size) * np.outer(lengths, lengths)
    assert (np.abs(estimates.mean(axis=0) - exact) < 5 * bound / np.sqrt(parts)).all()
    assert (estimates.std(axis=0) < 1.3 * bound).all()


def test_a_sketch_of_another_size_is_another_and_the_same_one_stays(model, texts):
    small, large = (sketched_gradients(model, *texts, size, batch_size=12) for size in (8, 16))
    assert not np.allclose(small * 8**0.5, large[:, :8] * 16**0.5)
    np.testing.assert_array_equal(sketched_gradients(model, *texts, 8, batch_size=12), small)


def test_an_empty_completion_moves_nothing(model):
    got = sketched_gradients(model, [(0, 1), (0, 2)], [(), (3, END)], SIZE, batch_size=2)
    assert (got[0] == 0).all()
    assert (got[1] != 0).any()


def test_global_random_numbers_and_the_model_stay(model, texts):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    sketched_gradients(model, *texts, SIZE, batch_size=12)
    assert torch.equal(torch.rand(1), expected)
    assert not model.get_output_embeddings()._forward_pre_hooks
