"""Codes that are worth money, and links to personal data: made by `secrets`, of so many bits that nobody guesses one.

The bits are those that `docs/explanation/security.md` promises.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from saleor_crm_plugin.ingestion import points_cards, reward_carriers, vouchers
from saleor_crm_plugin.loyalty.referrals import codes
from saleor_crm_plugin.loyalty.rewards.definition import RewardKind
from saleor_crm_plugin.profiles.privacy import links

URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SECURITY = Path(__file__).parents[2] / "docs" / "explanation" / "security.md"


def of_bytes(count: int) -> str:
    import secrets

    return secrets.token_urlsafe(count)


# How it is made, what stands before it, its alphabet, its length, the bits; and its name in the docs.
MADE: dict[str, tuple[Callable[[], str], str, str, int, int]] = {
    "referral code": (codes.new_code, "", codes.ALPHABET, 10, 50),
    "voucher for points": (vouchers.new_code, "LP-", URL_SAFE, 24, 144),
    "voucher of a reward": (lambda: reward_carriers.new_code(RewardKind.VOUCHER_FIXED), "LR-", URL_SAFE, 24, 144),
    "gift card of a reward": (
        lambda: reward_carriers.new_code(RewardKind.GIFT_CARD),
        "",
        reward_carriers.GIFT_CARD_ALPHABET,
        16,
        80,
    ),
    "gift card for points": (lambda: of_bytes(points_cards.CODE_BYTES), "", URL_SAFE, 16, 96),
    "link to an export": (lambda: of_bytes(links.TOKEN_BYTES), "", URL_SAFE, 43, 256),
}
ROWS = pytest.mark.parametrize(("make", "prefix", "alphabet", "length", "bits"), MADE.values(), ids=MADE.keys())
SAMPLE = 4_000


@ROWS
def test_its_form_holds_the_bits(make, prefix, alphabet, length, bits) -> None:
    assert len(set(alphabet)) == len(alphabet)
    assert length * math.log2(len(alphabet)) >= bits
    form = re.compile(f"{re.escape(prefix)}[{re.escape(alphabet)}]{{{length}}}")
    made = {make() for _ in range(SAMPLE)}
    assert len(made) == SAMPLE
    assert all(form.fullmatch(code) for code in made)


@ROWS
def test_every_character_is_as_likely_at_every_place(make, prefix, alphabet, length, bits) -> None:
    made = [make().removeprefix(prefix) for _ in range(SAMPLE)]
    # The last of 43 characters holds the 4 bits that are left of 256.
    for place in range(length - 1 if bits == 256 else length):
        seen = Counter(code[place] for code in made)
        wanted = SAMPLE / len(alphabet)
        chi_square = sum((seen[letter] - wanted) ** 2 / wanted for letter in alphabet)
        # Six standard deviations: one false alarm in a billion.
        freedom = len(alphabet) - 1
        assert chi_square < freedom + 6 * math.sqrt(2 * freedom) + 12, (place, seen)


@ROWS
def test_no_seed_repeats_it(make, prefix, alphabet, length, bits) -> None:
    random.seed(7)
    np.random.seed(7)
    first = make()
    random.seed(7)
    np.random.seed(7)
    assert make() != first


def test_the_docs_say_the_bits() -> None:
    text = SECURITY.read_text()
    for name, (*_rest, bits) in MADE.items():
        assert re.search(rf"\| {name} \|[^\n]*\| {bits} \|", text), name
