"""Where the time of one round of active DPO goes, and writing completions against a plain loop over prompts.

One JSON object. `round`: seconds of the parts of a round of hybrid, and of what is written in it. `writing`:
completions per second with their log-probabilities as the round writes them (prompts of one length together,
log-probabilities taken along), and as a plain loop does (one prompt at a time with `num_return_sequences`, then a
second pass for the log-probabilities), from a sample of prompts. `scoring`: log-probabilities of the same
completions by the round's function and one completion at a time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prefloop.config import load_params, packaged_params
from prefloop.dpo.config import DpoParams
from prefloop.dpo.language_model import LanguageModel, load_model
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.loop import DpoRun, DpoSpec
from prefloop.dpo.prompts import write_prompts
from prefloop.dpo.run import load_problem
from prefloop.dpo.start import write_start
from prefloop.judges.build import build_judge, build_oracle
from prefloop.rng import Stream
from prefloop.rounds.driver import play_rounds
from prefloop.rounds.store import RoundStore

SAMPLE = 32


def parameters(options: argparse.Namespace) -> DpoParams:
    """The packaged parameters, with the sizes asked for; the start model is not trained beyond one pass."""
    content = load_params(packaged_params(DpoParams), DpoParams).model_dump(mode="json")
    content["run"] |= {"batch": options.labels, "rounds": 2, "threads": options.threads, "device": "cpu"}
    content["evaluation"]["prompts"] = options.evaluated
    content["sampling"]["max_new_tokens"] = options.tokens
    content["prompts"]["example"] |= {"prompts": 6000, "texts": 6000}
    content["start"]["texts"]["epochs"] = 1
    if options.model:
        content["start"] |= {"source": "model", "model": options.model}
        content["start"]["texts"]["epochs"] = 0
    content["tracking"]["enabled"] = False
    return DpoParams.model_validate(content)


def plain_writing(of: LanguageModel, tokens: list[tuple[int, ...]], samples: int, longest: int) -> float:
    """Completions per second of a loop over prompts, log-probabilities included."""
    start = time.perf_counter()
    for prompt in tokens:
        ids = torch.tensor([prompt])
        with torch.inference_mode():
            wrote = of.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                top_k=0,
                num_return_sequences=samples,
                max_new_tokens=longest,
                eos_token_id=of.end,
                pad_token_id=of.end,
            )
            of.model(input_ids=wrote).logits.log_softmax(dim=-1)
    return len(tokens) * samples / (time.perf_counter() - start)


def plain_scoring(of: LanguageModel, texts: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> float:
    """Completions per second scored one at a time."""
    start = time.perf_counter()
    for prompt, completion in texts:
        with torch.inference_mode():
            of.model(input_ids=torch.tensor([[*prompt, *completion]])).logits.log_softmax(dim=-1)
    return len(texts) / (time.perf_counter() - start)


def rate(count: int, work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return count / (time.perf_counter() - start), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or hub id of a start model; default: a tiny one, made here")
    parser.add_argument("--labels", type=int, default=24, help="labels of a round")
    parser.add_argument("--tokens", type=int, default=32, help="tokens of a completion at most")
    parser.add_argument("--evaluated", type=int, default=1024, help="evaluated prompts")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    params = parameters(options)
    with tempfile.TemporaryDirectory() as folder:
        layout = DpoLayout.folder(Path(folder))
        write_prompts(params.prompts, layout.prompts)
        write_start(params.start, layout.prompts, layout.start, "cpu")
        print(json.dumps(measure(params, layout, options), indent=1))


def measure(params: DpoParams, layout: DpoLayout, options: argparse.Namespace) -> dict[str, Any]:
    problem = load_problem(params, layout)
    judges = build_judge(params.oracle.judge, layout.verdicts), build_judge(params.judge, layout.verdicts)
    spec = DpoSpec("hybrid", params.policies["hybrid"], 0, params.run, params.train, params.evaluation)
    workflow = DpoRun(problem, build_oracle(params.oracle, layout.verdicts), judges, spec)
    store = RoundStore(layout.state, "benchmark", workflow.form, {})
    records = play_rounds(workflow, store, lambda record, seconds: None)
    log = [json.loads(line) for line in (layout.state / "benchmark" / "log.jsonl").read_text().splitlines()]
    facts = records[-1].facts
    policy = load_model(layout.start, device=torch.device("cpu"), chat=False)
    numbers = list(problem.prompts.pool)[:256]
    samples = params.policies["hybrid"].samples  # type: ignore[union-attr]
    keys = [(number, sample) for number in numbers for sample in range(samples)]
    fast, wrote = rate(len(keys), lambda: problem.write(policy, keys, 0, 1, Stream.ENTROPY, 1.0))
    tokens = [problem.tokens[number] for number in numbers[:SAMPLE]]
    slow = plain_writing(policy, tokens, samples, params.sampling.max_new_tokens)
    completions = [completion.tokens for completion in wrote]
    scored, _ = rate(len(keys), lambda: problem.log_probs(policy, [key[0] for key in keys], completions))
    some = [(problem.tokens[n], c) for (n, _), c in zip(keys[:256], completions[:256], strict=True)]
    one_by_one = plain_scoring(policy, some)
    return {
        "parameters": {"model": options.model or "tiny", "threads": options.threads, "labels": options.labels},
        "round": {
            "seconds": {part: round(value, 2) for part, value in log[-1].items() if part != "round"},
            **{name: facts[name] for name in ("n_labels", "written", "sampled")},
            "evaluated": len(workflow.evaluator.prompts),
            "mean_length": float(np.mean([len(completion) for completion in completions])),
        },
        "writing": {"per_second": fast, "plain_per_second": slow, "speedup": fast / slow},
        "scoring": {"per_second": scored, "plain_per_second": one_by_one, "speedup": scored / one_by_one},
    }


if __name__ == "__main__":
    main()
