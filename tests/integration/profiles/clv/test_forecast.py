"""From orders to the forecast of each customer: the gate, what counts, and who is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from saleor_crm_plugin.profiles.clv import storage
from saleor_crm_plugin.profiles.clv.learning.beta_geometric import BGNBD, MBGNBD
from saleor_crm_plugin.profiles.clv.learning.pareto_nbd import ParetoNBD
from saleor_crm_plugin.profiles.clv.models import ClvFit, FitStatus
from saleor_crm_plugin.profiles.clv.reading import Read, read
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.models import CustomerProfile, PredictionStatus, ProfileMetrics, ProfileOrder
from tests.benchmarks import cdnow
from tests.integration.profiles.clv.shops import NOTHING, NOW, TERMS, fill, forecast, forecast_of, forecasts, place
from tests.integration.profiles.facts import make_fact

pytestmark = pytest.mark.django_db

REFUSED = (PredictionStatus.REFUSED, *NOTHING)
INSUFFICIENT = (PredictionStatus.INSUFFICIENT_DATA, *NOTHING)


def histories_of_shop(days: int = 365, now: datetime = NOW) -> Read:
    found = read("USD", now, days, "default", lambda done: None)
    assert found is not None
    return found


def history(profile_id: int, found: Read) -> tuple[int, int, int]:
    (position,) = np.flatnonzero(found.profile_ids == profile_id)
    customers = found.purchases.histories
    return (
        int(customers.repeats[position]),
        int(customers.recency_days[position]),
        int(customers.age_days[position]),
    )


def new_profile(**fields: object) -> int:
    return CustomerProfile.objects.create(**fields).pk


class TestReading:
    def test_a_purchase_is_a_day_in_utc(self) -> None:
        ann = new_profile()
        midnight = datetime(2026, 1, 10, tzinfo=UTC)
        place(
            *(
                make_fact(ann, placed_at=midnight + timedelta(hours=hours))
                for hours in (-0.5, 0, 23, 24 * 20 + 1, 24 * 20 + 5)
            )
        )
        # January 9, 10 and 30; now is March 1.
        assert history(ann, histories_of_shop()) == (2, 21, 51)

    def test_only_orders_that_count_until_now_in_the_currency(self) -> None:
        ann = new_profile()
        day = NOW - timedelta(days=30)
        place(
            make_fact(ann, placed_at=day),
            make_fact(ann, placed_at=day + timedelta(days=3)),
            make_fact(ann, placed_at=day + timedelta(days=5), counts=False),
            make_fact(ann, placed_at=day + timedelta(days=6), currency="EUR"),
            make_fact(ann, placed_at=NOW + timedelta(seconds=1)),
        )
        assert history(ann, histories_of_shop()) == (1, 3, 30)

    def test_values_are_net_means_of_repeat_days_worth_anything(self) -> None:
        ann, ben = new_profile(), new_profile()
        days = [NOW - timedelta(days=ago) for ago in (90, 60, 40, 20)]
        place(
            make_fact(ann, 100, placed_at=days[0]),
            # One day, 30 net in all.
            make_fact(ann, 50, 20, placed_at=days[1]),
            make_fact(ann, 20, 20, placed_at=days[1]),
            # Refunded whole: still an order, without a value.
            make_fact(ann, 80, 80, placed_at=days[2]),
            make_fact(ann, 10, placed_at=days[3]),
            make_fact(ben, 60, placed_at=days[3]),
        )
        found = histories_of_shop().purchases
        assert found.histories.repeats.tolist() == [3, 0]
        assert found.valued.tolist() == [2, 0]
        assert found.means.tolist() == [20.0, 0.0]
        assert found.mean_value == 50.0
        assert found.valued_share == pytest.approx(4 / 5)

    def test_the_split_in_time(self) -> None:
        ann, ben = new_profile(), new_profile()
        # 300 days of history: the last 100 are held out.
        place(*(make_fact(ann, placed_at=NOW - timedelta(days=ago)) for ago in (300, 250, 150, 101, 100, 99, 0)))
        place(make_fact(ben, placed_at=NOW - timedelta(days=50)))
        found = histories_of_shop()
        assert (found.first_day, found.cut, found.today) == (date(2025, 5, 5), date(2025, 11, 21), date(2026, 3, 1))
        known = found.past.histories
        # Ben came later. The day of the split belongs to what was known.
        assert (known.repeats.tolist(), known.recency_days.tolist(), known.age_days.tolist()) == ([4], [200], [200])
        assert found.past.later.tolist() == [2]
        # 150, 101 and 100 days ago.
        assert found.past.before.tolist() == [3]
        assert (found.history_days, found.loyal_customers, found.past.days) == (300, 1, 100)

    def test_the_hold_out_is_never_longer_than_the_forecast(self) -> None:
        ann = new_profile()
        place(make_fact(ann, placed_at=NOW - timedelta(days=300)))
        assert histories_of_shop(30).past.days == 30

    def test_who_refuses_is_not_read(self) -> None:
        ids = fill(60)
        CustomerProfile.objects.filter(pk=ids[0]).update(profiling_allowed=False)
        CustomerProfile.objects.filter(pk=ids[1]).update(erased_at=NOW)
        CustomerProfile.objects.filter(pk=ids[2]).update(merged_into=ids[3])
        assert histories_of_shop().profile_ids.tolist() == ids[3:]

    def test_nobody_has_bought(self) -> None:
        place(make_fact(new_profile(), counts=False))
        assert read("USD", NOW, 365, "default", lambda done: None) is None


class TestGate:
    @pytest.mark.parametrize(
        ("terms", "reason"),
        [
            (
                replace(TERMS, minimum_customers=121),
                "120 customers have bought; a forecast needs 121.",
            ),
            (replace(TERMS, minimum_days=729), "The first order is 728 days old; a forecast needs 729."),
            (
                replace(TERMS, minimum_loyal=121),
                "{} customers have bought on three days or more; a forecast needs 121.",
            ),
        ],
    )
    def test_below_it_nobody_has_a_forecast(self, terms: object, reason: str) -> None:
        fill()
        assert forecast().status == FitStatus.FITTED
        fit = forecast(terms)  # type: ignore[arg-type]
        assert fit.status == FitStatus.INSUFFICIENT_DATA
        assert fit.reason == reason.format(fit.loyal_customers)
        assert (fit.model, fit.scored_customers, fit.mae) == ("", 0, None)
        # What was forecast before does not stay.
        assert set(forecasts().values()) == {INSUFFICIENT}

    def test_at_it_there_is_one(self) -> None:
        fill()
        loyal = forecast().loyal_customers
        fit = forecast(replace(TERMS, minimum_customers=120, minimum_days=728, minimum_loyal=loyal))
        assert (fit.status, fit.customers, fit.history_days) == (FitStatus.FITTED, 120, 728)

    def test_too_few_to_compare_with(self) -> None:
        people = [new_profile() for _ in range(60)]
        place(*(make_fact(person, placed_at=NOW - timedelta(days=5)) for person in people))
        place(*(make_fact(people[0], placed_at=NOW - timedelta(days=ago)) for ago in (700, 300)))
        fit = forecast()
        assert fit.status == FitStatus.INSUFFICIENT_DATA
        assert "1 customers had bought before" in fit.reason

    def test_an_empty_currency(self) -> None:
        place(make_fact(new_profile(), counts=False))
        fit = forecast()
        assert (fit.status, fit.reason) == (FitStatus.INSUFFICIENT_DATA, "Nobody has bought anything yet.")
        assert list(forecasts().values()) == [(PredictionStatus.NO_PURCHASES, *NOTHING)]


class TestForecast:
    def test_everybody_who_bought_has_one(self) -> None:
        fill()
        fit = forecast()
        rows = forecasts()
        assert fit.scored_customers == len(rows) == 120
        for status, value, orders, alive, churn, next_at in rows.values():
            assert status == PredictionStatus.PREDICTED
            assert value > 0
            assert orders > 0
            assert 0 <= alive <= 1
            # Who does not buy has left, or is only quiet.
            assert 1 - alive - 1e-3 <= churn <= 1
            # An order is likelier than none within the year, or not: the two never contradict each other.
            assert (next_at is not None) == (churn <= 0.5)
            assert next_at is None or NOW < next_at <= NOW + timedelta(days=365)

    def test_the_numbers_are_those_of_the_models(self) -> None:
        ids = fill()
        fit = forecast()
        # Of so few customers, another than the one they were made from is the best; it says nothing about churn.
        assert (fit.model, fit.churn_model) == ("bg_nbd", "mbg_nbd")
        found = histories_of_shop()
        churn = MBGNBD(**fit.parameters["churn_model"])
        orders = BGNBD(**fit.parameters["model"]).expected_purchases(found.purchases.histories, 365)
        rows = forecasts()
        assert [rows[pk][2] for pk in ids] == pytest.approx(orders.tolist(), abs=6e-5)
        customers = found.purchases.histories
        assert [rows[pk][3] for pk in ids] == pytest.approx(churn.probability_alive(customers).tolist(), abs=6e-5)
        assert [rows[pk][4] for pk in ids] == pytest.approx(
            churn.probability_of_none(customers, 365).tolist(), abs=6e-5
        )
        days = churn.days_to_next(customers, 365).tolist()
        assert [rows[pk][5] for pk in ids] == [NOW + timedelta(days=one) if one else None for one in days]
        value = fit.parameters["value_model"]
        for pk, valued, mean, expected in zip(
            ids, found.purchases.valued.tolist(), found.purchases.means.tolist(), orders.tolist(), strict=True
        ):
            each = value["p"] * (value["v"] + valued * mean) / (value["p"] * valued + value["q"] - 1)
            assert float(rows[pk][1]) == pytest.approx(expected * each * fit.parameters["valued_share"], abs=6e-3)

    def test_the_fit_says_how_it_would_have_done(self) -> None:
        fill()
        fit = forecast()
        assert (fit.calibration_from, fit.holdout_from, fit.holdout_until) == (
            date(2024, 3, 3),
            date(2025, 7, 3),
            date(2026, 3, 1),
        )
        assert 30 < fit.holdout_customers < 120
        assert fit.rmse < fit.naive_rmse
        assert fit.churn_auc > 0.6
        assert fit.fitted_at == NOW
        assert fit == ClvFit.objects.get()

    def test_repeating_it_changes_nothing(self) -> None:
        fill()
        forecast()
        before = forecasts()
        with CaptureQueriesContext(
            connection,
        ) as statements:
            forecast()
        assert forecasts() == before
        # What is written again is only the log.
        versions = ProfileMetrics.objects.extra(select={"version": "xmin::text"}).values_list("version", flat=True)
        first = set(versions)
        forecast()
        assert set(versions) == first
        assert len(statements) < 30

    def test_batches_give_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fill()
        forecast()
        whole = forecasts()
        ProfileMetrics.objects.update(prediction_status=PredictionStatus.REFUSED, predicted_orders=None)
        monkeypatch.setattr(storage, "BATCH_SIZE", 7)
        assert forecast().scored_customers == 120
        assert forecasts() == whole

    def test_refused_erased_and_merged_get_nothing(self) -> None:
        ids = fill()
        forecast()
        CustomerProfile.objects.filter(pk=ids[0]).update(profiling_allowed=False)
        CustomerProfile.objects.filter(pk=ids[1]).update(erased_at=NOW)
        CustomerProfile.objects.filter(pk=ids[2]).update(merged_into=ids[3])
        fit = forecast()
        assert [forecast_of(pk) for pk in ids[:3]] == [REFUSED] * 3
        assert forecast_of(ids[3])[0] == PredictionStatus.PREDICTED
        assert (fit.customers, fit.scored_customers) == (117, 117)
        # Also where there is no forecast at all.
        forecast(replace(TERMS, minimum_customers=5000))
        assert forecast_of(ids[0]) == REFUSED
        # And back again.
        CustomerProfile.objects.filter(pk=ids[0]).update(profiling_allowed=True)
        forecast()
        assert forecast_of(ids[0])[0] == PredictionStatus.PREDICTED

    def test_a_consent_withdrawn_while_it_was_computed_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ids = fill()
        choose = storage.Scored.between

        def withdrawn(scored: storage.Scored, first: int, last: int) -> object:
            CustomerProfile.objects.filter(pk=ids[5]).update(profiling_allowed=False)
            return choose(scored, first, last)

        monkeypatch.setattr(storage.Scored, "between", withdrawn)
        fit = forecast()
        assert forecast_of(ids[5]) == REFUSED
        assert (fit.customers, fit.scored_customers) == (120, 119)

    def test_who_has_no_order_that_counts_and_who_came_later(self) -> None:
        fill()
        none, new = new_profile(), new_profile()
        place(make_fact(none, counts=False), make_fact(new, placed_at=NOW + timedelta(hours=1)))
        forecast()
        assert forecast_of(none) == (PredictionStatus.NO_PURCHASES, *NOTHING)
        assert forecast_of(new) == INSUFFICIENT

    def test_currencies_do_not_mix(self) -> None:
        dollars, euros = fill(), fill(currency="EUR")
        forecast()
        assert forecast_of(dollars[0])[0] == PredictionStatus.PREDICTED
        assert forecast_of(euros[0], "EUR") == INSUFFICIENT
        before = forecasts()
        assert forecast(currency="EUR").scored_customers == 120
        assert [forecasts()[pk] for pk in dollars] == [before[pk] for pk in dollars]
        assert [forecasts()[pk] for pk in euros] == [before[pk] for pk in dollars]

    def test_where_everything_costs_the_same_the_average_is_taken(self) -> None:
        ids = fill()
        ProfileOrder.objects.update(gross_amount=Decimal(20))
        refresh_metrics()
        fit = forecast()
        # Somewhat above 20: two orders on one day are one purchase.
        mean = histories_of_shop().purchases.mean_value
        assert fit.parameters["value_model"] == {"mean": mean}
        assert fit.reason.endswith(
            "Gamma-Gamma was not used: a parameter ran to the limit of the search. "
            "Everybody's next order is taken to be an average one."
        )
        _, value, orders, *_ = forecast_of(ids[0])
        assert float(value) == pytest.approx(mean * orders, abs=6e-3)

    def test_where_nobody_ever_leaves_no_model_fits(self) -> None:
        generator = np.random.default_rng(8)
        people = [new_profile() for _ in range(80)]
        for person in people:
            days = np.unique(np.concatenate([[700], generator.integers(0, 700, generator.poisson(60))]))
            place(*(make_fact(person, placed_at=NOW - timedelta(days=int(ago))) for ago in days))
        fit = forecast()
        assert fit.status == FitStatus.DEGENERATE
        for title in ("Pareto/NBD", "MBG/NBD", "BG/NBD"):
            assert f"{title} was left out of the comparison: " in fit.reason
        assert fit.naive_rmse is not None
        assert set(forecasts().values()) == {INSUFFICIENT}

    def test_old_fits_go(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(storage, "KEPT_FITS", 3)
        place(make_fact(new_profile()), make_fact(new_profile(), currency="EUR"))
        forecast(currency="EUR")
        for night in range(5):
            forecast(now=NOW + timedelta(days=night))
        nights = ClvFit.objects.filter(currency="USD").order_by("pk").values_list("fitted_at", flat=True)
        assert list(nights) == [NOW + timedelta(days=night) for night in (2, 3, 4)]
        assert ClvFit.objects.filter(currency="EUR").count() == 1


@pytest.mark.skipif(not cdnow.is_installed(), reason=cdnow.MISSING)
def test_cdnow_through_the_tables() -> None:
    """The whole way on the published data, in the tables of a shop, at the end of its calibration period."""
    spent = cdnow.purchases()
    ids = {
        customer: new_profile()
        for customer in sorted({customer for customer, day, _ in spent if day <= cdnow.CALIBRATION_ENDS})
    }
    place(
        *(
            make_fact(
                ids[customer],
                gross_amount=Decimal(str(dollars)),
                placed_at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            )
            for customer, day, dollars in spent
        )
    )
    now = datetime(1997, 9, 30, 23, 59, tzinfo=UTC)
    fit = forecast(replace(TERMS, days=273, minimum_customers=500, minimum_days=180), now)
    assert (fit.status, fit.customers, fit.history_days) == (FitStatus.FITTED, 2357, 272)
    found = histories_of_shop(273, now)
    assert found.purchases.histories.repeats.tolist() == cdnow.read().calibration.repeats.tolist()
    model, _ = ParetoNBD.fit(found.purchases.histories)
    assert model.parameters == pytest.approx([0.55328, 10.5777, 0.60624, 11.6687], rel=5e-4)


class TestConstraints:
    def test_a_fit_has_a_model_exactly_if_fitted(self) -> None:
        wrong = (
            {"status": FitStatus.FITTED, "model": ""},
            {"status": FitStatus.DEGENERATE, "model": "bg_nbd"},
            {"status": FitStatus.DEGENERATE, "scored_customers": 3},
        )
        for fields in wrong:
            with pytest.raises(IntegrityError, match="has_a_model_exactly"), transaction.atomic():
                _fit(**fields)

    def test_churn_is_never_told_by_bg_nbd(self) -> None:
        with pytest.raises(IntegrityError, match="never_by_bg_nbd"), transaction.atomic():
            _fit(status=FitStatus.FITTED, model="bg_nbd", churn_model="bg_nbd")


def _fit(**fields: object) -> ClvFit:
    return ClvFit.objects.create(
        **{
            "currency": "USD",
            "fitted_at": NOW,
            "forecast_days": 365,
            "customers": 1,
            "history_days": 1,
            "loyal_customers": 1,
            **fields,
        }
    )
