"""Reads timelines: the rows of all sources in one list, a page at a time, for many persons in one SQL statement.

Order: time, then source, then primary key, which no two rows share; so a cursor (`Position`) stays where it is while
rows are added. A profile and those that were joined to it (`merged_into`) are one person, whether or not their rows
have moved.

Each source is read along its index from the cursor on and no further than a page, so a page costs the same at the
beginning and deep down, and with a million events of others. A filter by kind is looked at row by row: the rarer the
kinds, the more of the person's own rows are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS

from saleor_crm_plugin.fields import BIGINT_MAX
from saleor_crm_plugin.profiles.timeline.sources import FAMILY, Source
from saleor_crm_plugin.without_jit import read_without_jit

_FAMILY: Final = """
    SELECT id AS person, id AS member FROM unnest(%(persons)s::bigint[]) AS asked (id)
    UNION
    SELECT family.person, joined.id
    FROM family JOIN crm_customer_profile joined ON joined.merged_into_id = family.member
"""
_FROM_THE_START: Final = ("infinity", "-infinity")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a timeline: that of one entry."""

    happened_at: datetime
    source: str
    id: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of a timeline are wanted.

    Attributes:
        internal: also those that only staff see.
        kinds: only these; None: all.
        since: not before. until: before.
    """

    internal: bool
    kinds: frozenset[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a timeline. `person` is the profile that was asked for; `actor_id` of the user or app, by `actor_type`.

    `subject_type` is "" or a `SubjectType`, `subject_id` the primary key as text. `details` may have been blanked.
    """

    person: int
    source: str
    id: int
    happened_at: datetime
    kind: str
    subject_type: str
    subject_id: str
    actor_type: str
    actor_id: int | None
    label: str | None
    details: dict[str, Any]

    @property
    def position(self) -> Position:
        return Position(self.happened_at, self.source, self.id)


def read_timelines(
    persons: Collection[int],
    sources: Sequence[Source],
    selection: Selection,
    *,
    limit: int,
    after: Position | None = None,
    backwards: bool = False,
    using: str | None = None,
) -> dict[int, list[Entry]]:
    """Up to `limit` entries of each person, newest first; one SQL statement.

    Args:
        persons: profile ids.
        after: only what comes after this place in the order of reading.
        backwards: oldest first.
    """
    read = _selected(sources, selection)
    if not persons or not read:
        return {}
    direction, compare = ("ASC", ">") if backwards else ("DESC", "<")
    parameters: dict[str, Any] = {
        "persons": list(persons),
        "limit": limit,
        "at": after.happened_at if after else _FROM_THE_START[backwards],
    } | _bounds(selection)
    parts = []
    for source in read:
        place = f"id_{source.name}"
        parameters[place] = _id_bound(source.name, after, backwards)
        keyset = f"AND (entry.{source.happened_at}, entry.id) {compare} (%(at)s::timestamptz, %({place})s)"
        order = f"ORDER BY entry.{source.happened_at} {direction}, entry.id {direction} LIMIT %(limit)s"
        parts.append(_part(source, _wanted(source, selection), parameters, keyset, order))
    statement = f"""
        {_with(read)}
        SELECT person, source, id, happened_at, kind, subject_type, subject_id, actor_type, actor_id, label, details
        FROM (
            SELECT found.*, row_number() OVER (
                PARTITION BY person ORDER BY happened_at {direction}, source {direction}, id {direction}
            ) AS place
            FROM ({" UNION ALL ".join(parts)}) AS found
        ) AS placed
        WHERE place <= %(limit)s
        ORDER BY person, place
    """  # nosec B608  # columns of a source; values are parameters
    entries: dict[int, list[Entry]] = {}
    for *values, details in _rows(statement, parameters, using):
        entry = Entry(*[*values, json.loads(details)])
        entries.setdefault(entry.person, []).append(entry)
    return entries


def count_entries(
    persons: Collection[int], sources: Sequence[Source], selection: Selection, using: str | None = None
) -> dict[int, int]:
    """How many entries there are by person, none where there are none; one SQL statement, linear in their number."""
    read = _selected(sources, selection)
    if not persons or not read:
        return {}
    parameters: dict[str, Any] = {"persons": list(persons)} | _bounds(selection)
    parts = [_part(source, _wanted(source, selection), parameters) for source in read]
    statement = f"{_with(read)} SELECT person, count(*) FROM ({' UNION ALL '.join(parts)}) AS found GROUP BY person"  # nosec B608  # columns of a source; values are parameters
    return dict(_rows(statement, parameters, using))


def _rows(statement: str, parameters: dict[str, Any], using: str | None) -> list[tuple[Any, ...]]:
    return read_without_jit(statement, parameters, using or DEFAULT_DB_ALIAS)


def _selected(sources: Sequence[Source], selection: Selection) -> list[Source]:
    return [source for source in sources if _wanted(source, selection)]


def _wanted(source: Source, selection: Selection) -> frozenset[str]:
    kinds = source.kinds if selection.internal else source.kinds - source.internal
    return kinds if selection.kinds is None else kinds & selection.kinds


def _bounds(selection: Selection) -> dict[str, Any]:
    return {
        name: bound for name, bound in (("since", selection.since), ("until", selection.until)) if bound is not None
    }


def _id_bound(source: str, after: Position | None, backwards: bool) -> int:
    """Where the keyset of a source stands: past all its rows of that moment, before them, or at one of them."""
    if after is None:
        return 0
    if source == after.source:
        return after.id
    comes_later = (source > after.source) if backwards else (source < after.source)
    # Forwards is towards lower ids: a source that still has its turn begins above them all.
    return 0 if comes_later == backwards else BIGINT_MAX


def _with(sources: Sequence[Source]) -> str:
    queries = {FAMILY: _FAMILY}
    for source in sources:
        queries |= source.with_owners
    return "WITH RECURSIVE " + ", ".join(f"{name} AS ({query})" for name, query in queries.items())


def _part(source: Source, kinds: frozenset[str], parameters: dict[str, Any], keyset: str = "", order: str = "") -> str:
    """The rows of one source, of every owner no more than `order` lets through."""
    conditions = keyset
    if "since" in parameters:
        conditions += f" AND entry.{source.happened_at} >= %(since)s"
    if "until" in parameters:
        conditions += f" AND entry.{source.happened_at} < %(until)s"
    if kinds != source.kinds:
        parameters[f"kinds_{source.name}"] = sorted(kinds)
        conditions += f" AND {source.kind} = ANY(%(kinds_{source.name})s)"
    return f"""
        SELECT owners.person, '{source.name}'::text COLLATE "C" AS source, found.*
        FROM {source.owners} AS owners CROSS JOIN LATERAL (
            SELECT entry.id, entry.{source.happened_at} AS happened_at, {source.kind} AS kind,
                {source.subject_type} AS subject_type, {source.subject_id} AS subject_id,
                {source.actor_type} AS actor_type, {source.actor_id} AS actor_id,
                {source.label} AS label, {source.details} AS details
            FROM {source.table} AS entry
            WHERE entry.{source.owner} = owners.member {conditions}
            {order}
        ) AS found
    """  # nosec B608  # columns of a source; values are parameters
