"""Roles by meaning: the names under which the four roles go in data sets."""

from __future__ import annotations

from collections.abc import Mapping

from prefloop.messages.errors import MessageError
from prefloop.messages.message import Role

_NAMES: dict[Role, str] = {
    "system": "system developer sys system_prompt system_message 系统",
    "user": "user human prompter customer client input prompt question query instruction usr end_user visitor"
    " student asker person questioner q 用户 人类 ユーザー 사용자",
    "assistant": "assistant gpt chatgpt bot model chatbot ai output chosen rejected response answer agent llm"
    " completion reply claude bard bing gemini ai_assistant tutor answerer a expert robot gpt4 gpt_4"
    " copilot qwen llama deepseek mistral 助手 アシスタント 어시스턴트 function_call tool_call",
    "tool": "tool function observation ipython tool_response tool_result tool_output function_response"
    " function_result function_return environment tools functions tool_results"
    " function_output api interpreter code_interpreter",
}
ROLES: dict[str, Role] = {name: role for role, names in _NAMES.items() for name in names.split()}

# Roles whose content is a tool call in JSON (ShareGPT).
CALLING = frozenset({"function_call", "tool_call"})


def role_of(name: object, roles: Mapping[str, Role], where: str) -> Role:
    """The role that a name means, case and outer blanks ignored.

    Args:
        name: as the source writes it.
        roles: the user's additions, which go before the names above.
        where: place of the name, for the error.

    Raises:
        MessageError: no name, or one that means nothing.
    """
    if isinstance(name, str):
        plain = spelled(name)
        for given, role in roles.items():
            if spelled(given) == plain:
                return role
        if plain in ROLES:
            return ROLES[plain]
    listed = "; ".join(f"{role}: {', '.join(names.split())}" for role, names in _NAMES.items())
    raise MessageError(where, f"a role that is known ({listed}), or one that data.roles gives a meaning", name)


def spelled(name: str) -> str:
    """A role's name without what does not tell two of them apart."""
    return name.strip().strip("<|>").casefold().replace("-", "_").replace(" ", "_")
