"""Types of values: whoever adds one says how it is read."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.segments.values import Type


def test_a_type_that_cannot_read_is_none():
    class Colour(Type):
        pass

    with pytest.raises(TypeError, match="read"):
        Colour("colour", ("=",))
