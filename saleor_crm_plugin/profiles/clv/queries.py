"""What others may ask about forecasts."""

from __future__ import annotations

from django.db.models import Max

from saleor_crm_plugin.profiles.clv.models import ClvFit


def latest_fits(using: str) -> list[ClvFit]:
    """The newest fit in each currency; one statement."""
    newest = ClvFit.objects.using(using).order_by().values("currency").annotate(newest=Max("pk")).values("newest")
    return list(ClvFit.objects.using(using).filter(pk__in=newest).order_by("currency"))
