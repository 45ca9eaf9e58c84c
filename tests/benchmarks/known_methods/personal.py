"""What a customer bought, from it alone.

"Personal top frequency" (P-TopFreq) and the same filled from everybody's (GP-TopFreq): Li, Jullien, Ariannezhad and
de Rijke, "A next basket recommendation reality check" (ACM TOIS 2023), section 4.2.
"""

from __future__ import annotations

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from tests.benchmarks.known_methods.scoring import CustomerScores, counts, decayed, dense, lately


def frequency(history: PurchaseHistory) -> CustomerScores:
    """In how many baskets."""
    matrix = counts(history)
    return lambda customers: dense(matrix[customers])


def frequency_and_trend(history: PurchaseHistory, days: float = 14) -> CustomerScores:
    """In how many baskets; among equals, what everybody bought most in the last days."""
    matrix = counts(history)
    sold = lately(history, days)
    tie = sold / (1 + sold.max(initial=0))
    matrix.data += tie[matrix.indices]
    return lambda customers: dense(matrix[customers])


def frequency_with_decay(history: PurchaseHistory, half_life_days: float = 90) -> CustomerScores:
    """Each basket counts half after the half-life: the frequency of TIFU-KNN (section 4.1) in days, not in baskets."""
    matrix = decayed(history, half_life_days)
    return lambda customers: dense(matrix[customers])
