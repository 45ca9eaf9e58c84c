"""`customerFeedbackCreate`."""

from __future__ import annotations

from typing import Any

from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.auth_filters import AuthorizationFilters

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.feedback.mutations.answering import FeedbackMutation
from saleor_crm_plugin.ingestion.feedback import give_feedback


class CustomerFeedbackCreate(FeedbackMutation):
    class Meta:
        description = (
            "Rates an order of the authenticated customer, and its products, once something of it was sent. What the "
            "first call leaves out, a later one can add." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AuthorizationFilters.AUTHENTICATED_USER,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, **data: Any) -> Any:
        return cls.store(info, give_feedback, **data)
