"""Names of the formats; imports nothing, so that the command line starts quickly."""

from __future__ import annotations

from enum import StrEnum


class Form(StrEnum):
    """How prompt, chosen and rejected are written.

    ultrafeedback: the schema ActiveUltraFeedback publishes; `prompt` is a text, `chosen` and
        `rejected` are whole conversations, the prompt included.
    trl: `prompt` is a list of messages, `chosen` and `rejected` are the messages that answer it. TRL takes this
        as it is; from the other format the column `prompt` has to be removed first.
    """

    ultrafeedback = "ultrafeedback"
    trl = "trl"
