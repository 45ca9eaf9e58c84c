from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction, Targets
from saleor_crm_plugin.recommendations.merchandising.matching import RuleIndex

SMALL = st.integers(1, 4)
SLUGS = st.sampled_from(["brand", "colour"])
VALUES = st.sampled_from(["acme", "red", "blue"])
TARGETS = st.builds(
    Targets,
    st.lists(SMALL, max_size=3, unique=True).map(tuple),
    st.frozensets(SMALL, max_size=2),
    st.frozensets(SMALL, max_size=2),
    st.dictionaries(SLUGS, st.frozensets(VALUES, min_size=1, max_size=2), max_size=2),
)


@given(
    st.lists(TARGETS, max_size=8),
    SMALL,
    st.frozensets(SMALL),
    st.frozensets(SMALL),
    st.frozensets(st.tuples(SLUGS, VALUES)),
)
def test_as_if_every_rule_were_asked(
    targets: list[Targets],
    product_id: int,
    categories: frozenset[int],
    collections: frozenset[int],
    values: frozenset[tuple[str, str]],
) -> None:
    rules = [ListRule(number, "", RuleAction.BOOST, one) for number, one in enumerate(targets)]

    found = RuleIndex(rules).ids_for(product_id, categories, collections, values)

    assert found == {rule.rule_id for rule in rules if rule.targets.hold(product_id, categories, collections, values)}


def test_each_way_to_be_meant() -> None:
    def rule(number: int, *targets: object, values: Mapping[str, frozenset[str]] | None = None) -> ListRule:
        return ListRule(number, "", RuleAction.BURY, Targets(*targets, attribute_values=values or {}))  # type: ignore[arg-type]

    one, none = frozenset({5}), frozenset[int]()
    index = RuleIndex(
        [
            rule(1, (5,)),
            rule(2, (), one),
            rule(3, (), none, one),
            rule(4, values={"brand": frozenset({"acme"})}),
            rule(5, (5,), one),
            rule(6),
        ]
    )

    assert index.ids_for(5, [], [], []) == {1}
    assert index.ids_for(6, [5], [], []) == {2}
    assert index.ids_for(6, [], [5], []) == {3}
    assert index.ids_for(6, [], [], [("brand", "acme")]) == {4}
    assert index.ids_for(5, [5], [5], [("brand", "acme")]) == {1, 2, 3, 4, 5}, "a rule for nothing is for nothing"
