"""Enums of what is written down about customers."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS

from saleor_crm_plugin.actors import ActorType
from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState

CustomerConsentPurposeEnum = enum_of(
    "CustomerConsentPurposeEnum",
    {
        ConsentPurpose.MARKETING_EMAIL: "Offers by e-mail.",
        ConsentPurpose.MARKETING_SMS: "Offers by text message.",
        ConsentPurpose.PROFILING: "Scores, forecasts, lifecycle stage and segments.",
        ConsentPurpose.RECOMMENDATIONS: "Products chosen from what the customer has bought.",
    },
    "What a customer can agree to or refuse.",
    DOC_CATEGORY_USERS,
)

CustomerConsentStateEnum = enum_of(
    "CustomerConsentStateEnum",
    {ConsentState.GRANTED: "The customer has agreed.", ConsentState.REFUSED: "The customer has refused."},
    "What a customer has said.",
    DOC_CATEGORY_USERS,
)

CustomerActorTypeEnum = enum_of(
    "CustomerActorTypeEnum",
    {
        ActorType.SYSTEM: "The plugin itself.",
        ActorType.CUSTOMER: "The customer.",
        ActorType.STAFF: "A member of staff.",
        ActorType.APP: "An app.",
    },
    "Kind of author.",
    DOC_CATEGORY_USERS,
)
