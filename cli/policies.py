"""`prefloop policies`: what can be chosen from."""

from __future__ import annotations

import inspect

from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json, print_table


def policies(params: ParamsFile = DEFAULT_PARAMS, as_json: AsJson = False) -> None:
    """List the batch policies with what they choose and where they come from, and the named policies.

    Example: prefloop policies --json
    """
    from prefloop.acquisition.registry import BATCH_POLICIES
    from prefloop.config import packaged_params

    outside = params == DEFAULT_PARAMS and not params.is_file()
    named = load(packaged_params() if outside else params).policies
    registered = {name: _describe(inspect.getdoc(function) or "") for name, function in BATCH_POLICIES.items()}
    if as_json:
        uses = {name: policy.model_dump(mode="json") for name, policy in named.items()}
        print_json({"batch_policies": registered, "named_policies": uses})
        return
    rows = [[name, text["chooses"], text["source"]] for name, text in registered.items()]
    print_table("Batch policies", ["name", "chooses", "source"], rows)
    uses_rows = [
        [name, policy.pairs.rule, str(policy.pairs.per_prompt), _batch_text(policy.batch.model_dump())]
        for name, policy in named.items()
    ]
    print_table(f"Named policies of {params}", ["name", "pair rule", "per prompt", "batch policy"], uses_rows)


def _batch_text(batch: dict[str, object]) -> str:
    rest = ", ".join(f"{key} {value}" for key, value in batch.items() if key != "policy")
    return f"{batch['policy']}" + (f" ({rest})" if rest else "")


def _describe(docstring: str) -> dict[str, str]:
    text, _, source = docstring.partition("Source:")
    return {"chooses": text.strip().split("\n\n")[0].replace("\n", " "), "source": " ".join(source.split())}
