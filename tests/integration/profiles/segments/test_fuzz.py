"""Ten thousand texts that nobody would write: each gives a result or says what is wrong, and none anything else."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from saleor_crm_plugin.ingestion.segments import VOCABULARY
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.looking import explain, preview
from saleor_crm_plugin.profiles.segments.problems import SegmentQueryError
from saleor_crm_plugin.profiles.segments.understanding import understand
from tests.integration.profiles.segments.people import NOW, Person, Purchase, make_catalogue, store
from tests.integration.profiles.segments.test_known_answers import QUERIES

SEED = 20_260_331
INPUTS = 10_000
INJECTIONS = (
    "'; DROP TABLE crm_customer_profile; --",
    "' OR '1'='1",
    "') OR TRUE --",
    "%s",
    "%(x)s",
    "%%",
    "{}",
    "{0}",
    "\\",
    "\\'",
    "''",
    "$1",
    "$$",
    "U&'\\0041'",
    "E'\\x00'",
    "/*",
    "*/",
    "--",
    ";",
    "); SELECT pg_sleep(9); --",
    "1) UNION SELECT 1 --",
    "\x00",
    "\ud800",
    "\u202e",
    "🦊",
    "ß",
    "İ",
    "\n",
    "\r\n\t",
    "9" * 400,
    "-" + "9" * 15,
    "1e9",
    "0x10",
    "NaN",
    "Infinity",
    "1.0000000000000001",
    "00000-00-00",
    "2026-02-30",
    "9999-12-31",
    "0001-01-01",
    "-999999d",
    "+100y",
    "-36600d",
    "999999y",
    "( ( (",
    ") ) )",
    "null",
    "NULL IS NULL",
    "p.id",
    "crm_customer_profile",
    "pg_sleep(1)",
    "current_user",
)
TOKENS = (
    "AND",
    "OR",
    "NOT",
    "IN",
    "IS",
    "NULL",
    "BETWEEN",
    "CONTAINS",
    "(",
    ")",
    ",",
    ":",
    "=",
    "!=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "true",
    "false",
    "today",
    "-90d",
    "365d",
    "+1m",
    "2026-01-31",
    "3",
    "0",
    "-1",
    "1.5",
    "'coffee'",
    "'vip'",
    '"x"',
    "'USD'",
    "'Gold'",
    "champions",
    "within",
    "times",
    "currency",
    "purpose",
    "within:",
    "times: 2",
    "'marketing_email'",
)


def inputs(seed: int, count: int) -> Iterator[str]:
    rng = random.Random(seed)
    valid = [query for query, _ in QUERIES]
    names = VOCABULARY.registry.names
    for number in range(count):
        match number % 6:
            case 0:
                # Bytes.
                yield rng.randbytes(rng.randrange(60)).decode(
                    rng.choice(["latin-1", "utf-8"]), errors="surrogateescape"
                )
            case 1:
                # Words of the language, in any order.
                yield " ".join(rng.choice((*TOKENS, *names)) for _ in range(rng.randrange(1, 25)))
            case 2:
                # A query with something cut out, doubled or put in.
                yield mutated(rng, rng.choice(valid))
            case 3:
                # An attack in the place of a value.
                attack = rng.choice(INJECTIONS)
                value = rng.choice([f"'{attack}'", f'"{attack}"', attack, attack.replace("'", "\\'")])
                name = rng.choice([*names, "tag", "city", "bought_product"])
                yield rng.choice(
                    [f"{name} = {value}", f"{name}({value})", f"{name} IN ('a', {value})", f"{name}(within: {value})"]
                )
            case 4:
                # Two queries joined anyhow.
                first, second = rng.choice(valid), rng.choice(valid)
                second = mutated(rng, second) if rng.randrange(3) == 0 else second
                yield f"{first} {rng.choice(['AND', 'OR', 'and not', ',', ''])} {second}"
            case _:
                # A field asked in every wrong and right way.
                name = rng.choice(names)
                arguments = rng.choice(["", "()", f"({rng.choice(TOKENS)})", f"({rng.choice(INJECTIONS)!r})"])
                values = ", ".join(rng.choice(TOKENS) for _ in range(rng.randrange(1, 4)))
                end = rng.choice(
                    ["", f"= {values}", f"IN ({values})", f"BETWEEN {values.replace(',', ' AND')}", "IS NULL"]
                )
                yield f"{name}{arguments} {end}"


def mutated(rng: random.Random, text: str) -> str:
    for _ in range(rng.randrange(1, 4)):
        at, to = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        match rng.randrange(4):
            case 0:
                text = text[:at] + text[to:]
            case 1:
                text = text[:to] + text[at:]
            case 2:
                text = text[:at] + rng.choice(INJECTIONS) + text[at:]
            case _:
                text = text[:at] + chr(rng.randrange(32, 0x3000)) + text[at:]
    return text


@pytest.fixture
def profile(db):
    make_catalogue()
    return store([Person("a", joined=3, tags=frozenset({"vip"}), purchases=(Purchase(1), Purchase(40)))])[0]


def test_each_gives_a_result_or_says_what_is_wrong(profile):
    understood = 0
    for text in inputs(SEED, INPUTS):
        try:
            query = understand(text, VOCABULARY, NOW, "default")
        except SegmentQueryError as error:
            for problem in error.problems:
                assert str(problem).startswith(f"Line {problem.span.line}, column {problem.span.column}: "), text
                assert 0 <= problem.span.start <= problem.span.end <= len(text), text
                assert problem.expected, text
            continue
        understood += 1
        with transaction.atomic():
            assert preview(query, 5, "default").count in (0, 1), text
            explanation = explain(query, profile, "default")
        assert explanation is not None
        assert explanation.matches == bool(preview(query, 5, "default").count), text
    # The rest would prove little.
    assert understood > INPUTS / 20
    assert CustomerProfile.objects.count() == 1


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1999 + "a" + ")" * 1999,
        "(" * 1999,
        "NOT " * 999 + "a",
        "NOT (" * 600 + "is_guest" + ")" * 600,
        "(is_guest AND (is_guest OR " * 100 + "is_guest" + "))" * 100,
        "is_guest AND " * 290 + "is_guest",
        "orders_count IN (" + "1," * 1900 + "1)",
        "tag = '" + "x" * 3900 + "'",
        "a" * 4000,
        "1" * 4000,
        "f(" * 1000,
        " " * 4000,
    ],
    ids=lambda text: text[:12].strip(),
)
def test_the_longest_and_deepest(db, text):
    with contextlib.suppress(SegmentQueryError):
        preview(understand(text, VOCABULARY, NOW, "default"), 1, "default")


@pytest.mark.parametrize("depth", [1, 20])
def test_the_deepest_that_is_allowed(db, depth):
    text = "NOT (" * depth + "is_guest" + ")" * depth
    assert preview(understand(text, VOCABULARY, NOW, "default"), 1, "default").count == 0


def test_a_text_is_only_ever_a_parameter(profile):
    """What a query says does not show in the SQL, only placeholders do."""
    for attack in INJECTIONS:
        if "'" in attack or "\\" in attack:
            continue
        try:
            query = understand(f"tag = '{attack}' AND city != '{attack}'", VOCABULARY, NOW, "default")
        except SegmentQueryError:
            continue
        where = query.where()
        assert where.parameters.count(attack) == 4
        assert where.sql == understand("tag = 'a' AND city != 'b'", VOCABULARY, NOW, "default").where().sql
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM crm_customer_profile p WHERE {where.sql}", where.parameters)
