"""What the fields of `CustomerProfile` about tags, notes and consents give.

Tags and notes are the staff's own words: a customer reads neither. What a customer has agreed to, the customer reads.
"""

from __future__ import annotations

from typing import Any

from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.access import require_owner_of, require_permission
from saleor_crm_plugin.graphql.page_loaders import loaded_page
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
    loaders = NotesByProfileIdLoader, NoteCountByProfileIdLoader
    return loaded_page(info, arguments, CustomerNoteCountableConnection, root.pk, *loaders)


def resolve_consents(root: CustomerProfile, info: Any) -> Any:
    require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
    return ConsentsByProfileIdLoader(info.context).load(root.pk)


def resolve_consent_history(root: CustomerProfile, info: Any, **arguments: Any) -> Any:
    require_permission(info, AccountPermissions.MANAGE_USERS)
    loaders = ConsentHistoryByProfileIdLoader, ConsentCountByProfileIdLoader
    return loaded_page(info, arguments, CustomerConsentCountableConnection, root.pk, *loaders)


def resolve_profiling_allowed(root: CustomerProfile, info: Any) -> bool:
    require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
    return root.profiling_allowed


def resolve_recommendations_allowed(root: CustomerProfile, info: Any) -> bool:
    require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
    return root.recommendations_allowed
