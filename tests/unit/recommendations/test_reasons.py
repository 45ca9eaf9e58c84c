from __future__ import annotations

import pytest

from saleor_crm_plugin.recommendations.models import ReasonKind
from saleor_crm_plugin.recommendations.reasons import NEW, TEMPLATES, ReasonCode, reason_of


@pytest.mark.parametrize(
    ("kind", "value", "product_id", "name", "code", "text"),
    [
        (ReasonKind.BOUGHT_BEFORE, 1.0, 7, "Tea", ReasonCode.BOUGHT_BEFORE, "You have bought this before"),
        (ReasonKind.BOUGHT_BEFORE, 4.0, 7, "Tea", ReasonCode.BOUGHT_BEFORE, "You have bought this 4 times"),
        (ReasonKind.BOUGHT_TOGETHER, 0.343, 7, "Tea", ReasonCode.BOUGHT_TOGETHER, "In 34 % of the purchases of Tea"),
        (ReasonKind.BOUGHT_TOGETHER, 0.004, 7, "Tea", ReasonCode.BOUGHT_TOGETHER, "Goes well with what you bought"),
        (ReasonKind.BOUGHT_TOGETHER, 0.3, None, None, ReasonCode.BOUGHT_TOGETHER, "Goes well with what you bought"),
        (ReasonKind.SIMILAR, 0.3, 7, "Tea", ReasonCode.SIMILAR, "Similar to Tea"),
        (ReasonKind.SIMILAR, None, None, None, ReasonCode.SIMILAR, "Similar to what you are looking at"),
        (ReasonKind.POPULAR, None, None, None, ReasonCode.POPULAR, "Popular in this shop"),
        (NEW, None, None, None, ReasonCode.NEW, "New in this shop"),
    ],
)
def test_reasons_in_words(
    kind: int, value: float | None, product_id: int | None, name: str | None, code: ReasonCode, text: str
) -> None:
    reason = reason_of(kind, value, product_id, name)

    assert (reason.kind, reason.text) == (code, text)
    assert reason.product_ids == (() if product_id is None else (product_id,))
    assert reason.message in TEMPLATES


def test_a_name_is_never_taken_for_a_template() -> None:
    assert reason_of(ReasonKind.SIMILAR, 0.5, 7, "{percent} {0}").text == "Similar to {percent} {0}"


def test_every_stored_kind_has_a_code() -> None:
    codes = [reason_of(kind, 1.0, None, None).kind for kind in (*ReasonKind, NEW)]
    assert codes == list(ReasonCode)
