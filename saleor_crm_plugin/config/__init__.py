"""Settings of both plugins: every field in display order, and text parsed once into frozen dataclasses.

The Dashboard offers text, checkboxes and read-only text, and shows no validation message, only which field is wrong.
So each field's help text says what to enter and within which limits; the limits are constants beside the fields. An
emptied field arrives as "" and means the default.
"""

from saleor_crm_plugin.config.crm import (
    CRM_FIELDS,
    CRM_PLUGIN_ID,
    FAILED_ORDERS,
    LAST_SYNC,
    LAST_TRAINING,
    ORDERS_BEHIND,
    CRMSettings,
    parse_crm_settings,
)
from saleor_crm_plugin.config.fields import (
    FieldSpec,
    config_structure,
    default_configuration,
    in_display_order,
    read_values,
)
from saleor_crm_plugin.config.loyalty import (
    LOYALTY_FIELDS,
    LOYALTY_PLUGIN_ID,
    AwardWhen,
    Basis,
    EarnedPointsPolicy,
    LoyaltySettings,
    RedemptionForm,
    SpentPointsPolicy,
    complete_loyalty_update,
    parse_loyalty_settings,
    points_are_gift_cards,
)
from saleor_crm_plugin.config.parsing import Expiry

__all__ = [
    "CRM_FIELDS",
    "CRM_PLUGIN_ID",
    "FAILED_ORDERS",
    "LAST_SYNC",
    "LAST_TRAINING",
    "LOYALTY_FIELDS",
    "LOYALTY_PLUGIN_ID",
    "ORDERS_BEHIND",
    "AwardWhen",
    "Basis",
    "CRMSettings",
    "EarnedPointsPolicy",
    "Expiry",
    "FieldSpec",
    "LoyaltySettings",
    "RedemptionForm",
    "SpentPointsPolicy",
    "complete_loyalty_update",
    "config_structure",
    "default_configuration",
    "in_display_order",
    "parse_crm_settings",
    "parse_loyalty_settings",
    "points_are_gift_cards",
    "read_values",
]
