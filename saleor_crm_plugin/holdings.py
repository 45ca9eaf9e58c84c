"""How to say which rows are about a person: each domain lists its tables, for the export of everything that we hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import models


@dataclass(frozen=True, slots=True)
class Holding:
    """Rows of one table that are about a person.

    Attributes:
        name: of the section in the export.
        model: the table.
        path: lookup from a row to the profile.
        hidden: columns that are nobody's business, for example digests, or that are about somebody else.
    """

    name: str
    model: type[models.Model]
    path: str
    hidden: tuple[str, ...] = ()
    OLDEST_FIRST: ClassVar[tuple[str, ...]] = ("pk",)

    @property
    def columns(self) -> list[str]:
        return [column.attname for column in self.model._meta.concrete_fields if column.attname not in self.hidden]

    def rows(self, profile_ids: Collection[int], using: str) -> Iterator[dict[str, Any]]:
        """The rows as dictionaries by column, oldest first."""
        yield from self.of(profile_ids, using).order_by(*self.OLDEST_FIRST).values(*self.columns).iterator()

    def of(self, profile_ids: Collection[int], using: str) -> models.QuerySet[Any, Any]:
        """The rows about these profiles, in any order."""
        return self.model._default_manager.using(using).filter(**{f"{self.path}__in": profile_ids}).order_by()
