"""`customerFeedbackUpdate`."""

from __future__ import annotations

from typing import Any

from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.auth_filters import AuthorizationFilters

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.feedback.mutations.answering import FeedbackMutation
from saleor_crm_plugin.ingestion.feedback import change_feedback


class CustomerFeedbackUpdate(FeedbackMutation):
    class Meta:
        description = (
            "Changes what the authenticated customer said about an order, as long as the shop lets them. What is left "
            "out stays as it is; a text that changes is looked at by staff again." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AuthorizationFilters.AUTHENTICATED_USER,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, **data: Any) -> Any:
        return cls.store(info, change_feedback, **data)
