"""What the tests of feedback send."""

from __future__ import annotations

from typing import Any

import time_machine

from tests.graphql.client import Api
from tests.graphql.profiles.feedback.conftest import MAY

FIELDS = """
  feedback {
    score comment createdAt editedAt editableUntil order { id } customer { email }
    reviews { rating comment state orderLineId createdAt editedAt }
  }
  errors { field code message }
"""
CREATE = f"""
mutation ($order: ID!, $score: Int, $comment: String, $products: [ProductReviewInput!]) {{
  customerFeedbackCreate(orderId: $order, score: $score, comment: $comment, products: $products) {{ {FIELDS} }}
}}
"""
UPDATE = CREATE.replace("customerFeedbackCreate", "customerFeedbackUpdate")


def create(api: Api, order_id: str, at=MAY, **said: Any) -> dict[str, Any]:
    with time_machine.travel(at, tick=False):
        return api.data(CREATE, order=order_id, **said)["customerFeedbackCreate"]


def update(api: Api, order_id: str, at=MAY, **said: Any) -> dict[str, Any]:
    with time_machine.travel(at, tick=False):
        return api.data(UPDATE, order=order_id, **said)["customerFeedbackUpdate"]


def refusal(answer: dict[str, Any]) -> tuple[str | None, str]:
    """Field and code of the only error; nothing is returned with it."""
    assert answer["feedback"] is None
    (error,) = answer["errors"]
    assert error["message"]
    return error["field"], error["code"]
