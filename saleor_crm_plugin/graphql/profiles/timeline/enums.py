"""Enums of the timeline."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS

from saleor_crm_plugin.actors import ActorType
from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.ingestion.timeline import LoyaltyKind
from saleor_crm_plugin.profiles.timeline.models import EventKind
from saleor_crm_plugin.profiles.timeline.sources import RecordKind

_STAFF = " For staff only."

TimelineEventKindEnum = enum_of(
    "TimelineEventKindEnum",
    {
        EventKind.ACCOUNT_CREATED: "The customer got an account.",
        EventKind.ACCOUNT_CONFIRMED: "The customer showed that the e-mail address of the account is theirs.",
        EventKind.CHECKOUT_STARTED: "A checkout was started.",
        EventKind.CHECKOUT_CHANGED: "A checkout holds something else than before.",
        EventKind.CHECKOUT_ABANDONED: "Nothing has changed in a checkout for as long as the shop has set.",
        EventKind.ORDER_PLACED: "An order was placed.",
        EventKind.ORDER_PAID: "An order was paid in full.",
        EventKind.ORDER_FULFILLED: "Goods of an order were sent.",
        EventKind.ORDER_RETURNED: "Goods of an order came back, or a refund was granted for them.",
        EventKind.ORDER_REFUNDED: "Money was given back for an order.",
        EventKind.ORDER_CANCELLED: "An order was cancelled, or expired unpaid.",
        EventKind.SEGMENT_ENTERED: "The customer came into a segment." + _STAFF,
        EventKind.SEGMENT_LEFT: "The customer left a segment." + _STAFF,
        EventKind.LIFECYCLE_CHANGED: "The lifecycle stage of the customer changed." + _STAFF,
        EventKind.CUSTOMER_TYPE_CHANGED: "The type of the customer changed." + _STAFF,
        EventKind.TAG_ASSIGNED: "A tag was put on the customer." + _STAFF,
        EventKind.TAG_UNASSIGNED: "A tag was taken off the customer." + _STAFF,
        EventKind.PROFILE_MERGED: "Another profile was joined to this one." + _STAFF,
        EventKind.PROFILE_SEPARATED: "A profile that was joined to this one was separated again." + _STAFF,
        EventKind.DATA_EXPORTED: "What is held about the customer was exported.",
        EventKind.DATA_ERASED: "What is held about the customer was erased.",
        RecordKind.CONSENT_GRANTED: "The customer agreed to something.",
        RecordKind.CONSENT_REFUSED: "The customer refused something, or took an agreement back.",
        RecordKind.NOTE_ADDED: "Staff wrote a note." + _STAFF,
        RecordKind.FEEDBACK_GIVEN: "The customer rated an order.",
        LoyaltyKind.POINTS_CHANGED: "Points were awarded, spent, expired or corrected.",
        LoyaltyKind.TIER_CHANGED: "The loyalty tier of the customer changed.",
        LoyaltyKind.REMINDER_SENT: "The customer was reminded of points that expire or a tier that ends.",
    },
    "What happened to a customer.",
    DOC_CATEGORY_USERS,
)

TimelineActorTypeEnum = enum_of(
    "TimelineActorTypeEnum",
    {
        ActorType.SYSTEM: "The shop itself.",
        ActorType.CUSTOMER: "The customer.",
        ActorType.STAFF: "A member of staff.",
        ActorType.APP: "An app.",
    },
    "Who caused an event in a customer's timeline.",
    DOC_CATEGORY_USERS,
)
