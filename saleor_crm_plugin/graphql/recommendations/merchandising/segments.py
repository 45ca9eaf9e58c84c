"""The segments of whoever asks: read only where a rule for the list names some."""

from __future__ import annotations

from typing import Any

from promise import Promise

from saleor_crm_plugin.graphql.access import authenticated_user
from saleor_crm_plugin.graphql.dataloaders import Customer, CustomerByUserIdLoader
from saleor_crm_plugin.profiles.consents.queries import may_be_recommended_to
from saleor_crm_plugin.recommendations.arranging import Policy


def segments_of_visitor(info: Any, policy: Policy, kind: str) -> Promise[frozenset[int]]:
    """Promise of the ids of the segments of the authenticated customer, for a list that is not about a customer."""
    user = authenticated_user(info)
    if user is None or not policy.asks_for_segments(kind):
        return Promise.resolve(frozenset())
    return CustomerByUserIdLoader(info.context).load(user.pk).then(segments_of)


def segments_of(customer: Customer | None) -> frozenset[int]:
    """The segments by which lists may differ: of none, for whoever refuses to be recommended to."""
    return customer.segment_ids if customer and may_be_recommended_to(customer.profile) else frozenset()
