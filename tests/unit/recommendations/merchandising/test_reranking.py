"""What rules do to a list, on lists whose answer is known."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction
from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy
from saleor_crm_plugin.recommendations.merchandising.reranking import PINS_PER_LIST, Cause, excluding, rerank
from tests.unit.recommendations.merchandising.lists import Item, boost, bury, exclude, ids, items, pin

OF_ONE, OF_TWO = frozenset({1}), frozenset({2})
TEN = list(range(1, 11))


def test_without_rules_the_list_is_as_it_was():
    assert ids(items(10)) == TEN
    assert ids(items(10), first=3) == [1, 2, 3]
    assert ids(items(10), first=3, offset=8) == [9, 10]
    assert ids(items(10), first=0) == ids([]) == []


def test_what_is_excluded_is_gone_and_the_others_move_up():
    listed = items(6, rule_ids={2: OF_ONE, 3: OF_ONE})
    assert ids(listed, [exclude(1)]) == [1, 4, 5, 6]
    assert ids(listed, [exclude(1)], first=2, offset=1) == [4, 5]


def test_a_boosted_product_goes_where_one_at_a_fraction_of_its_place_would():
    assert ids(items(10, rule_ids={8: OF_ONE}), [boost(1, 4)]) == [1, 8, 2, 3, 4, 5, 6, 7, 9, 10]
    assert ids(items(10, rule_ids={8: OF_ONE}), [boost(1, 100)]) == [8, 1, 2, 3, 4, 5, 6, 7, 9, 10]
    assert ids(items(10, rule_ids={2: OF_ONE}), [boost(1, 1.01)]) == TEN


def test_a_buried_product_goes_where_one_at_a_multiple_of_its_place_would():
    assert ids(items(10, rule_ids={2: OF_ONE}), [bury(1, 3)]) == [1, 3, 4, 5, 6, 2, 7, 8, 9, 10]
    assert ids(items(10, rule_ids={1: OF_ONE}), [bury(1, 100)]) == [*range(2, 11), 1]


def test_what_is_boosted_alike_keeps_its_order():
    listed = items(10, rule_ids={5: OF_ONE, 7: OF_ONE, 9: OF_ONE})
    assert ids(listed, [boost(1, 50)]) == [5, 7, 9, 1, 2, 3, 4, 6, 8, 10]


def test_boosts_of_several_rules_multiply_and_a_bury_takes_back():
    both = {9: OF_ONE | OF_TWO}
    assert ids(items(10, rule_ids=both), [boost(1, 3), boost(2, 3)]) == [9, 1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert ids(items(10, rule_ids=both), [boost(1, 2), bury(2, 2)]) == TEN


def test_a_pin_takes_its_place():
    assert ids(items(5, rule_ids={5: OF_ONE}), [pin(1, 2)]) == [1, 5, 2, 3, 4]
    assert ids(items(5, rule_ids={1: OF_ONE}), [pin(1, 4)]) == [2, 3, 4, 1, 5]


def test_pins_stand_in_the_order_in_which_they_are_named():
    listed = items(6, rule_ids={4: OF_ONE, 5: OF_ONE, 6: OF_ONE})
    assert ids(listed, [pin(1, 2, places=3, products=[6, 4, 5])]) == [1, 6, 4, 5, 2, 3]


def test_with_fewer_places_than_products_the_next_one_stands_in_for_one_that_is_not_sold():
    assert ids(items(4, rule_ids={3: OF_ONE, 4: OF_ONE}), [pin(1, 1, products=[99, 4, 3])]) == [4, 1, 2, 3]


def test_a_pin_that_names_no_product_takes_the_best_of_its_target_after_boosts():
    listed = items(6, rule_ids={3: OF_ONE, 5: OF_ONE | OF_TWO})
    assert ids(listed, [pin(1, 2)]) == [1, 3, 2, 4, 5, 6]
    assert ids(listed, [pin(1, 2), boost(2, 5)]) == [1, 5, 2, 3, 4, 6]


def test_of_two_pins_on_one_place_the_higher_priority_gets_it():
    listed = items(4, rule_ids={3: OF_ONE, 4: OF_TWO})
    assert ids(listed, [pin(1, 1), pin(2, 1, priority=1)]) == [4, 3, 1, 2]
    assert ids(listed, [pin(2, 1), pin(1, 1)]) == [3, 4, 1, 2], "the older rule, of the same priority"


def test_a_product_is_pinned_once():
    listed = items(4, rule_ids={3: OF_ONE | OF_TWO})
    assert ids(listed, [pin(1, 1), pin(2, 2)]) == [3, 1, 2, 4]


def test_an_excluded_product_is_not_pinned_whatever_the_priority():
    listed = items(3, rule_ids={3: OF_ONE | OF_TWO})
    assert ids(listed, [pin(1, 1, priority=5), exclude(2)]) == [1, 2]


def test_a_product_that_only_a_pin_brings_in():
    extra = Item(99, rule_ids=OF_ONE, is_extra=True)
    assert ids([*items(3), extra], [pin(1, 2)]) == [1, 99, 2, 3]
    assert ids([*items(3), extra]) == [1, 2, 3], "without the pin it has no business there"


def test_in_a_short_list_a_pin_stands_at_the_end():
    extras = [Item(number, rule_ids=OF_ONE, is_extra=True) for number in (8, 9)]
    assert ids([*items(2), *extras], [pin(1, 5, places=2)]) == [1, 2, 8, 9]
    assert ids(extras, [pin(1, 5, places=2)]) == [8, 9]


def test_pins_of_a_list_are_limited():
    listed = items(60, rule_ids=dict.fromkeys(range(31, 61), OF_ONE))
    pins = [pin(1, 1, places=30)]
    assert ids(listed, pins, first=PINS_PER_LIST + 1)[-2:] == [30 + PINS_PER_LIST, 1]


def test_pages_continue_each_other():
    listed = items(60, rule_ids={50: OF_ONE, 30: OF_TWO}, category_id={n: 1 + n % 2 for n in range(61)})
    rules, policy = [pin(1, 15), boost(2, 10)], ListPolicy(category_limit=6)
    whole = ids(listed, rules, policy, first=60)
    assert whole[14] == 50
    pages = [ids(listed, rules, policy, first=7, offset=offset) for offset in range(0, 60, 7)]
    assert [one for page in pages for one in page] == whole


def test_no_more_of_a_category_than_the_policy_allows():
    listed = items(6, category_id={1: 7, 2: 7, 3: 7, 4: 8, 5: 8})
    assert ids(listed, policy=ListPolicy(category_limit=1)) == [1, 4, 6, 2, 3, 5], "then there is nothing else"
    assert ids(listed, policy=ListPolicy(category_limit=2)) == [1, 2, 4, 5, 6, 3]


def test_no_more_of_a_brand_than_the_policy_allows():
    listed = items(4, brand_ids={1: OF_ONE, 2: OF_ONE, 3: OF_TWO})
    assert ids(listed, policy=ListPolicy("brand", brand_limit=1)) == [1, 3, 4, 2]
    assert ids(listed, policy=ListPolicy(None, brand_limit=1)) == [1, 2, 3, 4], "the shop has said of no attribute"


def test_the_limit_holds_in_any_ten_in_a_row():
    listed = items(30, category_id={number: 1 if number <= 15 else 2 for number in range(1, 31)})
    arranged = ids(listed, policy=ListPolicy(category_limit=5))
    for start in range(20):
        assert sum(1 for one in arranged[start : start + 10] if one <= 15) == 5


def test_a_pin_counts_for_diversity_before_its_place_and_stands_whatever_the_policy():
    listed = items(5, category_id=dict.fromkeys([1, 2, 5], 7), rule_ids={5: OF_ONE})
    assert ids(listed, [pin(1, 3)], ListPolicy(category_limit=1)) == [3, 4, 5, 1, 2]
    assert ids(listed, [pin(1, 1)], ListPolicy(category_limit=1)) == [5, 3, 4, 1, 2]


def test_places_for_new_products():
    listed = items(20, is_new={15: True, 18: True, 20: True})
    arranged = ids(listed, policy=ListPolicy(new_in_ten=2))
    assert arranged == [1, 2, 3, 4, 15, 5, 6, 7, 8, 18, 9, 10, 11, 12, 20, 13, 14, 16, 17, 19]


def test_new_products_that_come_by_themselves_count():
    listed = items(20, is_new={2: True, 15: True, 18: True})
    assert ids(listed, policy=ListPolicy(new_in_ten=1), first=20) == [*range(1, 20), 20]


def test_new_products_from_outside_the_list():
    extras = [Item(number, is_new=True, is_extra=True) for number in (91, 92)]
    assert ids([*items(10), *extras], policy=ListPolicy(new_in_ten=1)) == [*range(1, 10), 91, 10]
    assert ids([*items(3), *extras], policy=ListPolicy(new_in_ten=1)) == [1, 2, 3]


def test_new_products_stand_before_pins_that_leave_no_place_for_them():
    listed = items(20, is_new={15: True, 18: True}, rule_ids=dict.fromkeys([16, 17, 19, 20], OF_ONE))
    one, two = ListPolicy(new_in_ten=1), ListPolicy(new_in_ten=2)
    assert ids(listed, [pin(1, 10)], one)[:12] == [1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 9, 10]
    assert ids(listed, [pin(1, 8, places=3)], two)[:11] == [1, 2, 3, 4, 15, 5, 18, 16, 17, 19, 6]
    assert ids(listed, [pin(1, 7, places=4)], two)[:11] == [1, 2, 3, 4, 15, 18, 16, 17, 19, 20, 5], "two places before"
    assert ids(listed, [pin(1, 1, places=3)], two)[:6] == [16, 17, 19, 1, 15, 2], "the same as without pins"
    pinned = items(20, is_new={15: True, 18: True}, rule_ids={18: OF_ONE})
    assert ids(pinned, [pin(1, 10)], one)[:11] == [*range(1, 10), 18, 10], "the pin is one"


def test_a_new_product_that_would_be_too_much_of_its_category_waits():
    listed = items(4, category_id={1: 7, 3: 7, 4: 8}, is_new={3: True, 4: True})
    policy = ListPolicy(category_limit=1, new_in_ten=5)
    assert ids(listed, policy=policy) == [1, 4, 2, 3]


def test_each_product_says_why_it_is_there():
    listed = items(5, category_id={1: 7, 2: 7}, rule_ids={4: OF_ONE | OF_TWO, 5: frozenset({3})}, is_new={3: True})
    rules = [boost(1, 2), bury(2, 1.5), pin(3, 1)]
    policy = ListPolicy(category_limit=1, new_in_ten=5)
    found = [
        (one.candidate.product_id, one.position, one.rule_ids, one.causes) for one in rerank(listed, rules, policy, 5)
    ]
    assert found == [
        (5, 1, (3,), ()),
        (3, 2, (), (Cause.NEW,)),
        (1, 3, (), ()),
        (4, 4, (1, 2), ()),
        (2, 5, (), (Cause.DIVERSITY,)),
    ]
    assert excluding(Item(1, rule_ids=frozenset({1, 9})), [exclude(9), boost(1, 2)]) == (9,)


@pytest.mark.parametrize(
    ("kinds", "segments", "kind", "member_of", "applies"),
    [
        ((), (), "for_you", (), True),
        (("similar",), (), "for_you", (), False),
        (("similar", "for_you"), (), "for_you", (), True),
        ((), (1, 2), "for_you", (), False),
        ((), (1, 2), "for_you", (2, 3), True),
        (("similar",), (1,), "for_you", (1,), False),
    ],
)
def test_the_lists_that_a_rule_is_for(kinds, segments, kind, member_of, applies):
    rule = ListRule(1, "Rule", RuleAction.EXCLUDE, kinds=frozenset(kinds), segment_ids=frozenset(segments))
    assert rule.applies_to(kind, frozenset(member_of)) is applies
