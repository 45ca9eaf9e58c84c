"""Pages of what hangs on many objects, and how much there is: one statement each, for all objects of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Model, QuerySet
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.graphql.lists import Page, connection_of, rows_by_owner
from saleor_crm_plugin.profiles.merging.family import of_families


class OwnedRows:
    """Rows of a table, and the column that tells whose each is."""

    model: type[Model]
    owner: str

    def rows_of(self, owners: Sequence[Any], using: str) -> QuerySet[Any]:
        return self.model._default_manager.using(using).filter(**{f"{self.owner}__in": owners})


class RowsOfPersons(OwnedRows):
    """Rows about a person: of the profile, and of those that were merged into it."""

    owner = "head_id"

    def rows_of(self, owners: Sequence[Any], using: str) -> QuerySet[Any]:
        return of_families(self.model._default_manager.using(using).all(), owners)


class PageLoader(OwnedRows, DataLoader):
    """A page of rows for each (owner, `Page`), newest first, with one row more than the page holds.

    One statement for all owners that are asked for the same page, as the fields of a list are.
    """

    def batch_load(self, keys: Sequence[tuple[Any, Page]]) -> list[list[Any]]:
        found: dict[tuple[Any, Page], list[Any]] = {}
        for page in dict.fromkeys(page for _, page in keys):
            rows = self.rows_of([owner for owner, asked in keys if asked == page], self.database_connection_name)
            found |= {(owner, page): kept for owner, kept in rows_by_owner(rows, self.owner, page).items()}
        return [found.get(key, []) for key in keys]


class CountLoader(OwnedRows, DataLoader):
    """Number of rows by owner."""

    def batch_load(self, keys: Sequence[Any]) -> list[int]:
        rows = self.rows_of(keys, self.database_connection_name)
        counts = dict(rows.order_by().values_list(self.owner).annotate(rows=Count("pk")))
        return [counts.get(owner, 0) for owner in keys]


def loaded_page(
    info: Any,
    arguments: dict[str, Any],
    connection_type: Any,
    owner: Any,
    rows_loader: type[DataLoader],
    count_loader: type[DataLoader],
) -> Any:
    """A promise of the connection of one owner's rows.

    Args:
        arguments: of a `ConnectionField`.
        rows_loader: loads (owner, `Page`), as a `PageLoader` does.
        count_loader: loads an owner; used when the total is asked for.

    Raises:
        GraphQLError: arguments that contradict each other or are out of range.
    """
    page = Page.from_arguments(info.field_name, arguments)

    def total_count() -> Any:
        return count_loader(info.context).load(owner)

    def as_connection(rows: list[Any]) -> Any:
        return connection_of(connection_type, rows, page, total_count)

    return rows_loader(info.context).load((owner, page)).then(as_connection)
