"""What holds for every list, whatever the rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.merchandising.definition import RuleAction
from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy
from saleor_crm_plugin.recommendations.merchandising.reranking import excluding, rerank
from tests.unit.recommendations.merchandising.lists import boost, bury, candidates, ids, pin, policies, rules

MOVING = (RuleAction.BOOST, RuleAction.BURY, RuleAction.EXCLUDE)
pages = st.tuples(st.integers(0, 12), st.integers(0, 40))


@given(candidates(), pages)
def test_without_rules_and_policy_it_is_the_list(listed, page):
    first, offset = page
    own = [one.product_id for one in listed if not one.is_extra]
    assert ids(listed, first=first, offset=offset) == own[offset : offset + first]


@given(candidates(), rules(), policies, pages)
def test_a_page_is_a_part_of_the_whole(listed, given_rules, policy, page):
    first, offset = page
    whole = ids(listed, given_rules, policy, first=1000)
    assert ids(listed, given_rules, policy, first, offset) == whole[offset : offset + first]


@given(candidates(), rules(), policies)
def test_nothing_twice_nothing_excluded_and_nothing_lost(listed, given_rules, policy):
    whole = ids(listed, given_rules, policy)
    assert len(whole) == len(set(whole))
    gone = {one.product_id for one in listed if excluding(one, given_rules)}
    assert gone.isdisjoint(whole)
    assert {one.product_id for one in listed if not one.is_extra} - gone <= set(whole)


@given(candidates(), rules(), policies, st.randoms())
def test_the_order_of_the_rules_does_not_matter(listed, given_rules, policy, random):
    shuffled = list(given_rules)
    random.shuffle(shuffled)
    assert rerank(listed, shuffled, policy, 100) == rerank(listed, given_rules, policy, 100)


@given(candidates(extras=False), rules(MOVING), st.sampled_from([2.0, 4.0]))
def test_a_boost_never_moves_its_products_down_and_a_bury_never_up(listed, others, factor):
    others = [rule for rule in others if rule.rule_id != 6]
    before = ids(listed, others)
    boosted, buried = ids(listed, [*others, boost(6, factor)]), ids(listed, [*others, bury(6, factor)])
    for one in listed:
        if 6 in one.rule_ids and one.product_id in before:
            assert boosted.index(one.product_id) <= before.index(one.product_id) <= buried.index(one.product_id)


@given(candidates(), rules(MOVING), policies, st.integers(1, 30), st.integers(1, 3))
def test_pins_are_at_their_places(listed, others, policy, position, places):
    others = [rule for rule in others if rule.rule_id != 6]
    arranged = ids(listed, [*others, pin(6, position, places)], policy)
    wanted = [
        one.product_id
        for one in [*sorted(listed, key=lambda one: one.is_extra)]
        if 6 in one.rule_ids and not excluding(one, others)
    ]
    if len(arranged) >= position + places - 1:
        there = set(arranged[position - 1 : position - 1 + places])
        assert len(there & set(wanted)) >= min(places, len(wanted))
    elif wanted:
        assert arranged[-1] in wanted or len(arranged) >= position


@given(candidates(extras=False), rules(MOVING), policies)
def test_never_too_much_of_the_same_while_there_is_something_else(listed, given_rules, policy):
    policy = ListPolicy(policy.brand_attribute, policy.brand_limit, policy.category_limit)
    arranged = rerank(listed, given_rules, policy, 100)
    chosen = [one.candidate for one in arranged]
    for place, one in enumerate(chosen):
        if too_much(chosen[: place + 1], policy):
            # Then each of those that came later would have been, too.
            for later in chosen[place + 1 :]:
                assert too_much([*chosen[:place], later], policy), (one, later)


def too_much(chosen, policy) -> bool:
    """Whether the last one is one too many in the ten that end with it."""
    *before, last = chosen[-10:]
    alike = sum(one.category_id == last.category_id for one in before)
    if policy.category_limit is not None and last.category_id is not None and alike >= policy.category_limit:
        return True
    return policy.limits_brands and any(
        sum(brand in one.brand_ids for one in before) >= policy.brand_limit for brand in last.brand_ids
    )


@given(candidates(), rules(MOVING), st.integers(1, 5), st.integers(1, 6), st.integers(0, 5))
def test_new_products_have_their_places_as_long_as_there_are_any(listed, others, new_in_ten, position, places):
    others = [rule for rule in others if rule.rule_id != 6]
    given_rules = [*others, pin(6, position, places)] if places else others
    arranged = rerank(listed, given_rules, ListPolicy(new_in_ten=new_in_ten), 100)
    pinned = {one.candidate.product_id for one in arranged if 6 in one.rule_ids}
    unpinned = {one.product_id for one in listed if one.is_new and not excluding(one, given_rules)} - pinned
    placed = free = new_pins = 0
    # A list that is too short for a pin's place ends with the pin, where nobody could expect it.
    end = max((one.position for one in arranged if one.candidate.product_id not in pinned), default=0)
    for place, one in enumerate(arranged[:end], start=1):
        is_pinned = one.candidate.product_id in pinned
        placed += one.candidate.is_new
        free += not is_pinned
        new_pins += is_pinned and one.candidate.is_new
        assert placed >= min(place * new_in_ten // 10, new_pins + min(free, len(unpinned)))
