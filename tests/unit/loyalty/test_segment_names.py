from __future__ import annotations

import pytest

from saleor_crm_plugin.loyalty.segment_names import groups_among, slugs_among
from saleor_crm_plugin.profiles.models import RFMGroup


def test_groups_and_slugs_are_told_apart():
    names = {"CHAMPIONS", "AT_RISK", "at-risk", "2026", "b2b", "champions"}
    assert slugs_among(names) == {"at-risk", "2026", "b2b", "champions"}
    assert groups_among(names) == {"CHAMPIONS", "AT_RISK"}


@pytest.mark.parametrize("group", RFMGroup)
def test_every_group_is_one(group):
    assert groups_among([group.name]) == {group.name}
    assert not slugs_among([group.name])
