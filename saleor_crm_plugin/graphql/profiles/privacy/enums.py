"""Enums of the fields about personal data."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.profiles.models import ErasureLevel
from saleor_crm_plugin.profiles.privacy.models import RequestKind

ErasureLevelEnum = enum_of(
    "CustomerErasureLevelEnum",
    {
        ErasureLevel.STOP: "Nothing is computed about the customer, sent to them or recommended any more.",
        ErasureLevel.ANONYMISE: "Also, addresses, notes, tags and everything else that somebody wrote are removed. "
        "Orders, points and sums stay as numbers.",
        ErasureLevel.DELETE: "Also, everything else is removed but the ledger of points, which is closed. Nothing of "
        "the customer's orders is taken in again.",
    },
    "How far a customer is forgotten. Each level does what the one before does, too, and cannot be undone.",
    DOC_CATEGORY_USERS,
)

DataRequestKindEnum = enum_of(
    "CustomerDataRequestKindEnum",
    {
        RequestKind.EXPORT: "Everything about one customer.",
        RequestKind.SEGMENT_EXPORT: "The customers of a segment.",
        RequestKind.ERASURE: "A customer was forgotten.",
    },
    "What was asked for.",
    DOC_CATEGORY_USERS,
)
