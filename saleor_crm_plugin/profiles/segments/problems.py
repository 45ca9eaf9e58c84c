"""What is wrong with a query, and where. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from saleor_crm_plugin.exceptions import CRMError


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a query: offsets of its first character and of the one after its last; line and column from 1."""

    start: int
    end: int
    line: int
    column: int

    def of(self, text: str) -> str:
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        found: what stands there, as it is written; "" at the end of the query.
        expected: what could stand there.
        suggestion: the nearest word that would be right; "" if none is near.
    """

    span: Span
    found: str
    expected: str
    suggestion: str = ""

    def __str__(self) -> str:
        found = f"found {self.found}" if self.found else "the query ends"
        hint = f" Did you mean {self.suggestion}?" if self.suggestion else ""
        return f"Line {self.span.line}, column {self.span.column}: {found}, expected {self.expected}.{hint}"


class SegmentQueryError(CRMError):
    """A query that does not say anything that can be looked up. It names everything that is wrong, first things first.

    Args:
        problems: at least one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = sorted(problems, key=lambda problem: problem.span.start)
        super().__init__(" ".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like this one, without regard to case; "" if none is."""
    folded = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), folded, n=1)
    return folded[matches[0]] if matches else ""
