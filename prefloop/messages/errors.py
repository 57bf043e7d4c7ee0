"""Two ways in which a value is no conversation: not understood (an error), and of no use (a row left out)."""

from __future__ import annotations

from typing import Literal

# Which value of a row is meant; None for what two of them share.
Part = Literal["prompt", "first", "second"]
Reason = Literal["empty", "image", "audio", "video", "file", "no_common_prompt", "identical"]


class MessageError(Exception):
    """A value that is not understood; the reader adds file, row and field."""

    def __init__(self, where: str, expected: str, got: object) -> None:
        """Say what is wrong.

        Args:
            where: place within the value, e.g. `[1].content`; empty for the value itself.
            expected: what should have come, in words.
            got: what came.
        """
        super().__init__(f"{where}: got {got!r:.200}; expected {expected}")
        self.where = where
        self.part: Part | None = None
        self.expected = expected
        self.got = got


class Unusable(Exception):
    """A value that is understood and of no use: its row is left out, and counted by reason."""

    def __init__(self, reason: Reason, where: str = "") -> None:
        """Say why, and at which place within the value."""
        super().__init__(f"{reason} {where}".rstrip())
        self.reason: Reason = reason
        self.part: Part | None = None
        self.where = where
