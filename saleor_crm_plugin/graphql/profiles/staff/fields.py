"""What the fields of `CustomerProfile` about tags, notes and consents give.

Tags and notes are the staff's own words: a customer reads neither. What a customer has agreed to, the customer reads.
"""

from __future__ import annotations

from typing import Any

from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.access import require_owner_of, require_permission
from saleor_crm_plugin.graphql.lists import Page, connection_of
from saleor_crm_plugin.graphql.profiles.staff.dataloaders import (
    ConsentCountByProfileIdLoader,
    ConsentHistoryByProfileIdLoader,
    ConsentsByProfileIdLoader,
    NoteCountByProfileIdLoader,
    NotesByProfileIdLoader,
    TagsByProfileIdLoader,
)
from saleor_crm_plugin.graphql.profiles.staff.types import (
    CustomerConsentCountableConnection,
    CustomerNoteCountableConnection,
)
from saleor_crm_plugin.profiles.models import CustomerProfile


def resolve_tags(root: CustomerProfile, info: Any) -> Any:
    require_permission(info, AccountPermissions.MANAGE_USERS)
    return TagsByProfileIdLoader(info.context).load(root.pk)


def resolve_notes(root: CustomerProfile, info: Any, **arguments: Any) -> Any:
    require_permission(info, AccountPermissions.MANAGE_USERS)
    connection = CustomerNoteCountableConnection
    return _page(root, info, arguments, connection, NotesByProfileIdLoader, NoteCountByProfileIdLoader)


def resolve_consents(root: CustomerProfile, info: Any) -> Any:
    require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
    return ConsentsByProfileIdLoader(info.context).load(root.pk)


def resolve_consent_history(root: CustomerProfile, info: Any, **arguments: Any) -> Any:
    require_permission(info, AccountPermissions.MANAGE_USERS)
    connection = CustomerConsentCountableConnection
    return _page(root, info, arguments, connection, ConsentHistoryByProfileIdLoader, ConsentCountByProfileIdLoader)


def resolve_profiling_allowed(root: CustomerProfile, info: Any) -> bool:
    require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
    return root.profiling_allowed


def resolve_recommendations_allowed(root: CustomerProfile, info: Any) -> bool:
    require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
    return root.recommendations_allowed


def _page(
    root: CustomerProfile, info: Any, arguments: dict[str, Any], connection: Any, rows_loader: Any, count_loader: Any
) -> Any:
    page = Page.from_arguments(info.field_name, arguments)

    def total_count() -> Any:
        return count_loader(info.context).load(root.pk)

    def as_connection(rows: list[Any]) -> Any:
        return connection_of(connection, rows, page, total_count)

    return rows_loader(info.context).load((root.pk, page)).then(as_connection)
