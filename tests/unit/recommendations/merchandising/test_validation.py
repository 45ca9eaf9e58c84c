from __future__ import annotations

import pytest

from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.recommendations.merchandising.definition import RuleAction, RuleDefinition, Targets
from saleor_crm_plugin.recommendations.merchandising.validation import validate


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), float("-inf")])
def test_a_factor_is_a_number(factor: float) -> None:
    """No JSON has these; Saleor 3.21 and 3.22 read them in it all the same, later versions refuse the request."""
    rule = RuleDefinition(action=RuleAction.BOOST, factor=factor, targets=Targets(product_ids=(1,)))

    with pytest.raises(RecommendationInputError, match="Above 1, at most 100") as raised:
        validate(rule)

    assert (raised.value.field, raised.value.code) == ("factor", "INVALID")
