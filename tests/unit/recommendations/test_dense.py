"""The best few of dense scores."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from saleor_crm_plugin.recommendations.learning.dense import best

IDS = np.asarray([3, 5, 8, 13, 21, 34])


@given(
    arrays(np.float32, (3, len(IDS)), elements=st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0, 2.0])),
    st.integers(min_value=0, max_value=8),
)
def test_those_above_zero_in_order_and_equal_ones_by_id(scores: np.ndarray, first: int) -> None:
    for row, entries in zip(scores.tolist(), best(scores, IDS, first), strict=True):
        expected = sorted((-score, product) for score, product in zip(row, IDS.tolist(), strict=True) if score > 0)
        assert [(-entry.score, entry.product_id) for entry in entries] == expected[:first]
