"""Points that a checkout holds, without the checkout: for tests of what must not happen meanwhile."""

from __future__ import annotations

from uuid import uuid4

from django.utils import timezone

from saleor_crm_plugin.loyalty.models import HoldForm, LoyaltyAccount, PointsHold


def hold_ten_points(account: LoyaltyAccount) -> PointsHold:
    now = timezone.now()
    return PointsHold.objects.create(
        account=account,
        checkout_token=uuid4(),
        requested=10,
        points=10,
        amount=1,
        currency="USD",
        form=HoldForm.VOUCHER,
        code="X",
        created_at=now,
        expires_at=now,
    )
