"""Random queries and what each means: a text, and a function of a `Person`, which shares no code with the compiler."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.integration.profiles.segments.people import CATALOGUE, CHANNELS, NOW, TIERS, Person, Purchase, days_ago

Means = Callable[[Person], bool]
TODAY = NOW.date()


@dataclass(frozen=True)
class Saying:
    text: str
    means: Means

    def __repr__(self) -> str:
        return self.text


COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
CURRENCIES = ("USD", "EUR")
AMOUNTS = tuple(map(Decimal, ("0", "10", "50", "99.99", "100", "250.5", "1000")))
COUNTRIES, CITIES = ("US", "DE", "FR"), ("Springfield", "Berlin", "paris")
LANGUAGES = ("en", "de", "fr")
TAGS = ("vip", "wholesale", "it's")
STAGES = ("prospect", "repeat", "loyal", "lapsed")
GROUPS = ("champions", "new", "dormant", "prospects")
PURPOSES, STATES = ("marketing_email", "profiling"), ("granted", "refused")


# What a person has in each field.


def counted(person: Person, currency: str | None = None) -> list[Purchase]:
    return [p for p in person.purchases if p.counts and currency in (None, p.currency)]


def main_currency(person: Person) -> str | None:
    currencies = {p.currency for p in person.purchases}
    return min(currencies, key=lambda currency: (-len(counted(person, currency)), currency), default=None)


def in_currency(person: Person, currency: str | None) -> list[Purchase] | None:
    """The purchases that count in a currency; None if there is nothing in it, cancelled or not."""
    currency = currency or main_currency(person)
    return counted(person, currency) if any(p.currency == currency for p in person.purchases) else None


def net_spent(person: Person, currency: str | None) -> Decimal:
    return sum((p.gross - p.refunded for p in in_currency(person, currency) or []), Decimal(0))


def average_order_value(person: Person, currency: str | None) -> Decimal | None:
    purchases = in_currency(person, currency)
    return round(net_spent(person, currency) / len(purchases), 3) if purchases else None


def forecast(column: str) -> Callable[[Person, str | None], Any]:
    def read(person: Person, currency: str | None) -> Any:
        currency = currency or main_currency(person)
        if in_currency(person, currency) is None:
            return None
        return person.forecasts.get(currency or "", {}).get(column) or None

    return read


def rfm_group(person: Person) -> str | None:
    if main_currency(person) is None:
        return "prospects"
    group = forecast("rfm_group")(person, None)
    # Ordered since the night.
    return None if group == "prospects" and counted(person) else group


def last_order(person: Person, currency: str | None) -> datetime | None:
    return max((p.placed_at for p in counted(person, currency)), default=None)


def language(person: Person) -> str | None:
    if person.joined is not None:
        return person.language
    return max(person.purchases, key=lambda p: p.placed_at).language if person.purchases else None


def places(person: Person, attribute: str) -> set[str]:
    found = {getattr(p, attribute) for p in counted(person)}
    return found | ({getattr(person, attribute)} if person.joined is not None and person.country else set())


def consent(person: Person, purpose: str) -> str | None:
    return next((state for said, state in reversed(person.consents) if said == purpose), None)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def within(days: int | None) -> Callable[[Purchase], bool]:
    return lambda p: days is None or p.placed_at >= midnight(TODAY - timedelta(days=days))


# Queries.


def either(saying: Saying, opposite: str) -> st.SearchStrategy[Saying]:
    """The saying, or its opposite in other words."""
    return st.sampled_from([saying, Saying(opposite, lambda person: not saying.means(person))])


@st.composite
def currency_arguments(draw: st.DrawFn) -> tuple[str, str | None]:
    currency = draw(st.sampled_from([None, *CURRENCIES]))
    if currency is None:
        return draw(st.sampled_from(["", "()"])), None
    return draw(
        st.sampled_from([f"('{currency}')", f"(currency: '{currency.lower()}')", f"( currency:{currency} )"])
    ), currency


@st.composite
def numbers(draw: st.DrawFn, name: str, read: Callable[..., Any], values: Any, argument: Any = None) -> Saying:
    text, *arguments = draw(argument) if argument is not None else ("",)

    def value(person: Person) -> Any:
        return read(person, *arguments)

    kind = draw(st.sampled_from([*COMPARE, "IN", "BETWEEN", "NULL"]))
    if kind == "NULL":
        missing = Saying(f"{name}{text} IS NULL", lambda person: value(person) is None)
        return draw(either(missing, f"{name}{text} IS NOT NULL"))
    first, second = draw(values), draw(values)
    if kind == "IN":
        among = Saying(f"{name}{text} IN ({first}, {second})", lambda person: value(person) in (first, second))
        return draw(either(among, f"{name}{text} not in ( {first},{second} )"))
    if kind == "BETWEEN":
        inside = Saying(
            f"{name}{text} BETWEEN {first} AND {second}",
            lambda person: value(person) is not None and first <= value(person) <= second,
        )
        return draw(either(inside, f"{name}{text} NOT BETWEEN {first} AND {second}"))

    def holds(person: Person) -> bool:
        if value(person) is None:
            return kind == "!="
        return COMPARE[kind](value(person), first)

    return Saying(f"{name}{text} {kind} {first}", holds)


@st.composite
def days(draw: st.DrawFn) -> tuple[str, date]:
    ago = draw(st.integers(0, 12))
    day = TODAY - timedelta(days=ago)
    forms = [f"-{ago}d", day.isoformat(), f"+0{ago}d" if ago == 0 else f"-{ago}D"]
    if ago == 0:
        forms.append("today")
    if ago % 7 == 0:
        forms.append(f"-{ago // 7}w")
    return draw(st.sampled_from(forms)), day


@st.composite
def dates(draw: st.DrawFn, name: str, read: Callable[..., datetime | None], argument: Any = None) -> Saying:
    text, *arguments = draw(argument) if argument is not None else ("",)
    kind = draw(st.sampled_from([*COMPARE, "BETWEEN", "NULL"]))
    (first, first_day), (second, second_day) = draw(days()), draw(days())

    def day(person: Person) -> date | None:
        moment = read(person, *arguments)
        return moment and moment.astimezone(UTC).date()

    if kind == "NULL":
        return Saying(f"{name}{text} is null", lambda person: day(person) is None)
    if kind == "BETWEEN":
        return Saying(
            f"{name}{text} BETWEEN {first} AND {second}",
            lambda person: (found := day(person)) is not None and first_day <= found <= second_day,
        )

    def holds(person: Person) -> bool:
        found = day(person)
        return kind == "!=" if found is None else COMPARE[kind](found, first_day)

    return Saying(f"{name}{text} {kind} {first}", holds)


@st.composite
def words(draw: st.DrawFn, name: str, read: Callable[[Person], str | None], values: Any, *, quoted: bool) -> Saying:
    chosen = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
    texts = []
    for value in chosen:
        spelled = draw(st.sampled_from([value, value.upper()])) if not quoted else value
        escaped = spelled.replace("'", "\\'")
        texts.append(f"'{escaped}'" if quoted or draw(st.booleans()) else spelled)
    kind = draw(st.sampled_from(["=", "!=", "IN", "NULL"]))
    if kind == "NULL":
        return draw(either(Saying(f"{name} IS NULL", lambda person: read(person) is None), f"{name} IS NOT NULL"))
    if kind == "IN":
        among = Saying(f"{name} IN ({', '.join(texts)})", lambda person: read(person) in chosen)
        return draw(either(among, f"{name} NOT IN ({', '.join(texts)})"))
    return Saying(f"{name} {kind} {texts[0]}", lambda person: (read(person) == chosen[0]) == (kind == "="))


@st.composite
def sets(
    draw: st.DrawFn, name: str, read: Callable[[Person], set[str]], values: Any, *, any_case: bool = False
) -> Saying:
    chosen = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
    spelled = [draw(st.sampled_from([value, value.upper()])) if any_case else value for value in chosen]
    texts = ["'" + text.replace("'", "\\'") + "'" for text in spelled]

    def has(person: Person, *wanted: str) -> bool:
        return bool({value.lower() for value in read(person)} & {value.lower() for value in wanted})

    kind = draw(st.sampled_from(["=", "CONTAINS", "IN", "NULL"]))
    if kind == "NULL":
        return draw(either(Saying(f"{name} IS NULL", lambda person: not read(person)), f"{name} IS NOT NULL"))
    if kind == "IN":
        among = Saying(f"{name} IN ({', '.join(texts)})", lambda person: has(person, *chosen))
        return draw(either(among, f"{name} NOT IN ({', '.join(texts)})"))
    opposite = f"{name} != {texts[0]}" if kind == "=" else f"{name} NOT CONTAINS {texts[0]}"
    return draw(either(Saying(f"{name} {kind} {texts[0]}", lambda person: has(person, chosen[0])), opposite))


@st.composite
def bought(draw: st.DrawFn) -> Saying:
    kind = draw(st.sampled_from(["product", "category", "collection", "any"]))
    if kind == "product":
        thing = draw(st.sampled_from(sorted(CATALOGUE)))
        fits = {thing}
    elif kind == "any":
        thing, fits = "", set(CATALOGUE)
    else:
        place = ("category", "collection").index(kind)
        thing = draw(st.sampled_from(sorted(set().union(*(places[place] for places in CATALOGUE.values())))))
        fits = {slug for slug, places in CATALOGUE.items() if thing in places[place]}
    length = draw(st.sampled_from([None, 0, 3, 7, 365]))
    times = draw(st.sampled_from([None, 1, 2, 3]))
    arguments = [f"'{thing}'"] if thing else []
    if length is not None:
        arguments.append(f"within: {length}d")
    name = "ordered" if kind == "any" else f"bought_{kind}"
    is_recent = within(length)

    def count(person: Person) -> int:
        return sum(1 for p in counted(person) if is_recent(p) and (kind == "any" or fits & set(p.products)))

    compare = draw(st.sampled_from([None, *COMPARE]))
    if compare is None:
        if times is not None:
            arguments.append(f"times: {times}")
        return Saying(f"{name}({', '.join(arguments)})", lambda person: count(person) >= (times or 1))
    number = draw(st.integers(0, 3))
    return Saying(
        f"{name}({', '.join(arguments)}) {compare} {number}", lambda person: COMPARE[compare](count(person), number)
    )


@st.composite
def consents(draw: st.DrawFn) -> Saying:
    purpose = draw(st.sampled_from(PURPOSES))
    return draw(words(f"consent('{purpose}')", lambda person: consent(person, purpose), STATES, quoted=False))


@st.composite
def abandoned(draw: st.DrawFn) -> Saying:
    length = draw(st.sampled_from([None, 0, 1, 7, 30]))
    since = None if length is None else midnight(TODAY - timedelta(days=length))

    def holds(person: Person) -> bool:
        return any(
            has_lines and days_ago(ago) < NOW - timedelta(hours=1) and (since is None or days_ago(ago) >= since)
            for ago, has_lines in person.checkouts
        )

    text = "abandoned_checkout" if length is None else f"abandoned_checkout(within: {length}d)"
    return Saying(text, holds)


amounts = st.sampled_from(AMOUNTS)
conditions = st.one_of(
    numbers(
        "orders_count", lambda person, currency: len(counted(person, currency)), st.integers(0, 4), currency_arguments()
    ),
    numbers("net_spent", net_spent, amounts, currency_arguments()),
    numbers("average_order_value", average_order_value, amounts, currency_arguments()),
    numbers("recency_score", forecast("recency_score"), st.integers(1, 5), currency_arguments()),
    numbers(
        "churn_probability", forecast("churn_probability"), st.sampled_from([0.25, 0.5, 0.75]), currency_arguments()
    ),
    numbers("points", lambda person: person.points or 0, st.integers(0, 3)),
    dates("last_order_at", last_order, currency_arguments()),
    dates("created_at", lambda person: days_ago(person.created)),
    dates("joined_at", lambda person: None if person.joined is None else days_ago(person.joined)),
    words("rfm_group", rfm_group, GROUPS, quoted=False),
    words("lifecycle_stage", lambda person: person.stage or None, STAGES, quoted=False),
    words("customer_type", lambda person: person.type, ("b2c", "b2b", "b2g"), quoted=False),
    words("tier", lambda person: person.tier or None, TIERS, quoted=True),
    words("language", language, LANGUAGES, quoted=True),
    sets("tag", lambda person: set(person.tags), TAGS, any_case=True),
    sets("country", lambda person: places(person, "country"), COUNTRIES, any_case=True),
    sets("city", lambda person: places(person, "city"), CITIES, any_case=True),
    sets("channel", lambda person: {p.channel for p in counted(person)}, CHANNELS),
    consents(),
    bought(),
    bought(),
    abandoned(),
    st.just(Saying("is_guest", lambda person: person.joined is None)),
)


def _not(term: Saying) -> Saying:
    return Saying(f"NOT ({term.text})", lambda person: not term.means(person))


def _all(terms: list[Saying]) -> Saying:
    return Saying(" AND ".join(f"({t.text})" for t in terms), lambda person: all(t.means(person) for t in terms))


def _any(terms: list[Saying]) -> Saying:
    return Saying(" or ".join(f"({t.text})" for t in terms), lambda person: any(t.means(person) for t in terms))


def _mixed(terms: list[Saying]) -> Saying:
    """Without parentheses: AND binds stronger than OR, and NOT stronger than both."""
    a, b, c = terms
    return Saying(
        f"{a.text} OR NOT {b.text} AND {c.text}",
        lambda person: a.means(person) or (not b.means(person) and c.means(person)),
    )


sayings = st.one_of(
    conditions,
    st.lists(conditions, min_size=3, max_size=3).map(_mixed),
    st.recursive(
        conditions,
        lambda inner: st.one_of(
            inner.map(_not),
            st.lists(inner, min_size=2, max_size=4).map(_all),
            st.lists(inner, min_size=2, max_size=4).map(_any),
        ),
        max_leaves=8,
    ),
)

purchases = st.builds(
    Purchase,
    days_ago=st.one_of(st.integers(0, 12), st.floats(0, 12, allow_nan=False), st.just(500)),
    gross=amounts,
    refunded=st.just(Decimal(0)),
    currency=st.sampled_from(CURRENCIES),
    counts=st.sampled_from([True, True, True, False]),
    channel=st.sampled_from(CHANNELS),
    products=st.lists(st.sampled_from(sorted(CATALOGUE)), max_size=2, unique=True).map(tuple),
    country=st.sampled_from(COUNTRIES),
    city=st.sampled_from(CITIES),
    language=st.sampled_from(LANGUAGES),
)
forecasts = st.fixed_dictionaries(
    {
        "recency_score": st.sampled_from([None, 1, 3, 5]),
        "rfm_group": st.sampled_from(["", *GROUPS]),
        "churn_probability": st.sampled_from([None, 0.25, 0.6]),
    }
)


def _consistent(person: Person) -> Person:
    from dataclasses import replace

    return replace(
        person,
        tier=person.tier if person.points is not None else "",
        # One moment each, so that the last order is one order.
        purchases=tuple({p.placed_at: p for p in person.purchases}.values()),
        city=person.city if person.country else "",
    )


people = st.builds(
    Person,
    joined=st.one_of(st.none(), st.integers(0, 12)),
    created=st.integers(0, 12),
    language=st.sampled_from(LANGUAGES),
    country=st.sampled_from(["", *COUNTRIES]),
    city=st.sampled_from(CITIES),
    stage=st.sampled_from(["", *STAGES]),
    type=st.sampled_from(["b2c", "b2b", "b2g"]),
    tags=st.frozensets(st.sampled_from(TAGS)),
    consents=st.lists(st.tuples(st.sampled_from(PURPOSES), st.sampled_from(STATES)), max_size=3).map(tuple),
    purchases=st.lists(purchases, max_size=5).map(tuple),
    forecasts=st.fixed_dictionaries(dict.fromkeys(CURRENCIES, forecasts)),
    tier=st.sampled_from(["", *TIERS]),
    points=st.one_of(st.none(), st.integers(0, 3)),
    checkouts=st.lists(
        st.tuples(st.one_of(st.floats(0, 0.1, allow_nan=False), st.integers(0, 40)), st.booleans()), max_size=2
    ).map(tuple),
    profiling_allowed=st.sampled_from([True, True, True, True, False]),
    erased=st.sampled_from([False] * 7 + [True]),
    is_merged=st.sampled_from([False] * 7 + [True]),
).map(_consistent)
