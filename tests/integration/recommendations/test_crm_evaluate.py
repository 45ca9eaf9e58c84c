"""`manage.py crm_evaluate`, on a file without a database and on the shop's own orders."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.ingestion import evaluate
from saleor_crm_plugin.ingestion.evaluate import store_report
from saleor_crm_plugin.recommendations.models import RecommendationEvaluation
from tests.integration.recommendations.shop import buy, make_products, make_profile

MODELS = ["recommender", "bestsellers", "decayed_frequency", "cosine", "ease"]
START = datetime(2026, 1, 1, tzinfo=UTC)


def crm_evaluate(*arguments: str) -> str:
    out = StringIO()
    call_command("crm_evaluate", *arguments, stdout=out, verbosity=0)
    return out.getvalue()


@pytest.fixture(scope="module")
def purchases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty customers who each buy the same two of ten products every week for twelve weeks, and returns."""
    dice = random.Random(5)
    lines = ["customer,basket,time,product,quantity,price,category"]
    for week in range(12):
        for customer in range(30):
            moment = START + timedelta(days=7 * week + dice.randrange(7), hours=customer % 24)
            for product in (customer % 5, customer % 5 + 5):
                basket = f"b{week}-{customer}"
                lines.append(f"c{customer},{basket},{moment.isoformat()},p{product},1,2.5,k{product % 5}")
    lines.append(f",till,{START.isoformat()},p0,1,2.5,k0")
    lines.append(f"c0,back,{START.isoformat()},p0,-1,2.5,k0")
    path = tmp_path_factory.mktemp("csv") / "purchases.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_file_without_a_database(purchases: Path, tmp_path: Path) -> None:
    """No mark `django_db`: pytest-django fails on any query."""
    target = tmp_path / "report.json"

    out = crm_evaluate("--csv", str(purchases), "--json", str(target), "--split", "2026-02-26")

    report = json.loads(target.read_text())
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]
    assert list(report["models"]) == MODELS
    assert report["data"]["later_lines"] == 30 * 2 * 4
    assert report["data"]["lines"] == 30 * 2 * 8 + 1
    assert report["split"]["at"] == "2026-02-26T00:00:00+00:00"
    # Everybody buys the same two again, so that their own two are the best list there is.
    assert report["models"]["recommender"]["repeat"]["ndcg"] == {"value": 1, "low": 1, "high": 1, "cases": 30}
    assert report["models"]["recommender"]["cart"]["hit_rate"]["value"] == 1
    assert report["models"]["bestsellers"]["next_basket"]["ndcg"]["value"] < 0.9
    assert report["chosen"]["parameters"]["minimum_support"] == 3
    assert "1 lines with a quantity of 0 or less are left out; 1 baskets have no customer" in out
    assert [line.split()[0] for line in out.splitlines() if line.split() and line.split()[0] in MODELS] == MODELS
    assert "95 % interval" in out
    assert report["chosen"]["notes"][0] in out


def test_options_reach_the_learner(purchases: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"

    arguments = ("--minimum-support", "7", "--fewest-lines", "36", "--until", "2026-03-12")
    crm_evaluate("--csv", str(purchases), "--json", str(target), *arguments)

    report = json.loads(target.read_text())
    assert report["chosen"]["parameters"]["minimum_support"] == 7
    assert report["split"] == {"at": "2026-02-12T00:00:00+00:00", "until": "2026-03-12T00:00:00+00:00"}, "28 days"
    assert report["data"]["products"] == 10, "36 lines each"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--split", "2026-03-01", "--until", "2026-02-01"), "--split must be before --until"),
        (("--split", "2026-03-01", "--until", "2026-03-01"), "--split must be before --until"),
        (("--split", "2024-01-01"), "no purchases before the split"),
        (("--split", "2025-12-31", "--until", "2026-01-01"), "no purchases before the split"),
        (("--split", "soon"), "--split: Enter a date"),
        (("--fewest-lines", "1000"), "no purchases before the split"),
        (("--fewest-lines", "0"), "--fewest-lines must be at least 1"),
        (("--fewest-lines", "many"), "--fewest-lines: invalid int value"),
        (("--minimum-support", "0"), "--minimum-support must be at least 1"),
        (("--json", "/nowhere/report.json"), "The report cannot be written"),
    ],
)
def test_wrong_options(purchases: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError) as raised:
        crm_evaluate("--csv", str(purchases), *arguments)
    assert message in str(raised.value)


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text("customer,basket,time,product\nann,b1,soon,tea\n")

    with pytest.raises(CommandError, match=r"purchases\.csv, line 2: 'soon' is not a time"):
        crm_evaluate("--csv", str(path))


@pytest.mark.django_db
def test_the_shops_own_orders(channel: Channel) -> None:
    tea, sugar = make_products(2)
    for _ in range(6):
        profile = make_profile()
        buy(profile, tea, sugar, days_ago=60)
        buy(profile, tea, days_ago=5)

    out = crm_evaluate("--fewest-lines", "1")

    with allow_writer():
        stored = RecommendationEvaluation.objects.get()
    assert f"Report {stored.pk} is kept." in out
    assert set(stored.report["models"]) == set(MODELS)
    assert stored.report["data"] == {"lines": 12, "baskets": 6, "customers": 6, "products": 2, "later_lines": 6}
    assert stored.report["models"]["recommender"]["repeat"]["ndcg"]["value"] == 1


@pytest.mark.django_db
def test_not_kept_if_not_wanted_and_the_settings_hold(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tea,) = make_products(1)
    profile = make_profile()
    for days_ago in (60, 5):
        buy(profile, tea, days_ago=days_ago)
    given = evaluate.learner_parameters
    monkeypatch.setattr(
        evaluate, "learner_parameters", lambda settings: given(type(settings)(discovery_percent=20, minimum_support=4))
    )
    target = tmp_path / "report.json"

    crm_evaluate("--fewest-lines", "1", "--no-store", "--json", str(target), "--minimum-support", "2")

    chosen = json.loads(target.read_text())["chosen"]["parameters"]
    assert (chosen["minimum_support"], chosen["discovery_share"]) == (2, 0.2)
    with allow_writer():
        assert not RecommendationEvaluation.objects.exists()


@pytest.mark.django_db
def test_a_shop_without_orders(channel: Channel) -> None:
    with pytest.raises(CommandError, match=r"The shop has no purchases to evaluate on. Run `manage.py crm_backfill`"):
        crm_evaluate()
    with allow_writer():
        assert not RecommendationEvaluation.objects.exists()


@pytest.mark.django_db
def test_the_reports_of_a_year_are_kept(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluate.KEPT_REPORTS == 52
    monkeypatch.setattr(evaluate, "KEPT_REPORTS", 3)

    stored = [store_report({"number": number}).pk for number in range(5)]

    with allow_writer():
        kept = list(RecommendationEvaluation.objects.order_by("pk").values_list("pk", flat=True))
    assert kept == stored[-3:]
