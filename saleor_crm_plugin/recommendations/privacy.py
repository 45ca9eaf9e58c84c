"""What this domain holds about a person."""

from __future__ import annotations

from typing import Final

from saleor_crm_plugin.holdings import Holding
from saleor_crm_plugin.recommendations.models import PersonalRecommendations

HOLDINGS: Final = (Holding("recommendations", PersonalRecommendations, "profile"),)
