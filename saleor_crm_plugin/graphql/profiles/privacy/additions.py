"""What personal data adds to Saleor's schema."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.fields import ConnectionField
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.addition import PAGE, Addition, mutation
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.lists import Page, page_of
from saleor_crm_plugin.graphql.profiles.privacy.enums import DataRequestKindEnum
from saleor_crm_plugin.graphql.profiles.privacy.mutations.customer_data_erase import CustomerDataErase
from saleor_crm_plugin.graphql.profiles.privacy.mutations.customer_data_export import CustomerDataExport
from saleor_crm_plugin.graphql.profiles.privacy.mutations.customer_segment_export import CustomerSegmentExport
from saleor_crm_plugin.graphql.profiles.privacy.types import CustomerDataRequestCountableConnection
from saleor_crm_plugin.profiles.privacy.models import DataRequest


def resolve_data_requests(_root: Any, info: Any, *, kind: str | None = None, **arguments: Any) -> Any:
    page = Page.from_arguments(info.field_name, arguments)
    requests = DataRequest.objects.using(get_database_connection_name(info.context))
    return page_of(CustomerDataRequestCountableConnection, requests.filter(kind=kind) if kind else requests.all(), page)


ADDITIONS = (
    Addition(
        "Query",
        "customer_data_requests",
        resolve_data_requests,
        ConnectionField(
            CustomerDataRequestCountableConnection,
            kind=graphene.Argument(DataRequestKindEnum, description="Only those of this kind."),
            description="Who exported personal data or had it erased, newest first." + ADDED_IN_010,
            permissions=[AccountPermissions.MANAGE_USERS],
            doc_category=DOC_CATEGORY_USERS,
        ),
        multipliers=PAGE,
    ),
    mutation("customer_data_export", CustomerDataExport.Field()),
    mutation("customer_segment_export", CustomerSegmentExport.Field()),
    mutation("customer_data_erase", CustomerDataErase.Field()),
)

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "CustomerDataRequest": {"customer": {"complexity": 1}, "requestedBy": {"complexity": 1}},
}
