"""From the text of a query to what it means now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.utils import timezone

from saleor_crm_plugin.profiles.segments import checking
from saleor_crm_plugin.profiles.segments.compiling import CompiledCondition, compile_conditions, compile_query
from saleor_crm_plugin.profiles.segments.fragments import Fragment
from saleor_crm_plugin.profiles.segments.parsing import parse
from saleor_crm_plugin.profiles.segments.problems import Problem, SegmentQueryError, nearest
from saleor_crm_plugin.profiles.segments.registry import Registry
from saleor_crm_plugin.profiles.segments.values import Meaning

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What queries can speak of.

    Attributes:
        find: the primary keys of each (kind, name) that there is, in a database.
        known: names of a kind that there are, in a database.
    """

    registry: Registry
    find: Callable[[Collection[tuple[str, str]], str], Mapping[tuple[str, str], Sequence[int]]]
    known: Callable[[str, str], Collection[str]]


@dataclass(frozen=True, slots=True)
class Query:
    """A query that can be looked up."""

    text: str
    node: checking.Node
    meaning: Meaning

    def where(self, profile_ids: Sequence[int] | None = None) -> Fragment:
        """SQL about a row `p` of `crm_customer_profile`; see `compile_query`."""
        return compile_query(self.node, self.meaning, profile_ids)

    def conditions(self) -> list[CompiledCondition]:
        return compile_conditions(self.node, self.meaning)


def understand(text: str, vocabulary: Vocabulary, now: datetime, using: str, *, suggest: bool = True) -> Query:
    """As `understand_all`, of one query.

    Raises:
        SegmentQueryError: with everything that is wrong.
    """
    found = understand_all({0: text}, vocabulary, now, using, suggest=suggest)[0]
    if isinstance(found, SegmentQueryError):
        raise found
    return found


def understand_all(
    texts: Mapping[Key, str], vocabulary: Vocabulary, now: datetime, using: str, *, suggest: bool = True
) -> dict[Key, Query | SegmentQueryError]:
    """Each query, or what is wrong with it. One SQL statement if things of the shop are named.

    Args:
        suggest: say what an unknown name might have meant, for whoever is about to correct it. Each takes one more
            statement and a comparison with up to 10,000 names.
    """
    nodes: dict[Key, checking.Node] = {}
    found: dict[Key, Query | SegmentQueryError] = {}
    for key, text in texts.items():
        try:
            nodes[key] = checking.check(parse(text), vocabulary.registry)
        except SegmentQueryError as error:
            found[key] = error
    wanted = {(name.kind, name.text) for node in nodes.values() for name in checking.names(node)}
    meaning = Meaning(
        now=timezone.localtime(now),
        names=vocabulary.find(wanted, using),
    )
    for key, node in nodes.items():
        unknown = [name for name in checking.names(node) if (name.kind, name.text) not in meaning.names]
        found[key] = (
            SegmentQueryError(
                Problem(
                    name.span,
                    f"the text '{name.text}'",
                    f"a {name.kind} that there is",
                    nearest(name.text, vocabulary.known(name.kind, using)) if suggest else "",
                )
                for name in unknown
            )
            if unknown
            else Query(texts[key], node, meaning)
        )
    return found
