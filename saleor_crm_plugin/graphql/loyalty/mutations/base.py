"""What the loyalty mutations have in common."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from saleor_crm_plugin.exceptions import AccountClosedError, CRMError, InsufficientPointsError, LedgerError
from saleor_crm_plugin.graphql.loyalty.enums import LoyaltyCode
from saleor_crm_plugin.graphql.mutations import DomainMutation, invalid


class LoyaltyMutation(DomainMutation):
    class Meta:
        abstract = True

    @classmethod
    def refusal_of(cls, error: CRMError) -> ValidationError | None:
        return refusal(error) or super().refusal_of(error)


def refusal(error: CRMError) -> ValidationError | None:
    """What the ledger refuses, in the form that Saleor's mutations report; None for other errors."""
    if isinstance(error, InsufficientPointsError):
        return invalid("points", str(error), LoyaltyCode.INSUFFICIENT_POINTS)
    if isinstance(error, AccountClosedError):
        return invalid(None, str(error), LoyaltyCode.ACCOUNT_CLOSED)
    return invalid(None, str(error), LoyaltyCode.INVALID) if isinstance(error, LedgerError) else None
