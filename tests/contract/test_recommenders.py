from __future__ import annotations

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from tests.contract.recommender import RecommenderContract


class TestRecommender(RecommenderContract):
    def fit(self, history: PurchaseHistory, parameters: Parameters) -> Recommender:
        return Recommender.fit(history, parameters)
