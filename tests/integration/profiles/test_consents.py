"""What customers say about consent, and what follows at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.ingestion.consents import apply_consent_policy, update_consents
from saleor_crm_plugin.profiles.consents.models import ConsentPolicy, ConsentPurpose, ConsentRecord, ConsentState
from saleor_crm_plugin.profiles.consents.recording import DAILY_LIMIT, SOURCE_MAX_LENGTH, Consent
from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.models import CustomerProfile, LifecycleStage, PredictionStatus, ProfileMetrics
from saleor_crm_plugin.profiles.orders import store_order_facts
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.recommendations.models import PersonalRecommendations
from tests.devshop.factories import make_channel, make_customer, make_product
from tests.integration.profiles.facts import make_fact
from tests.integration.recommendations.shop import publish

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
STAFF = Actor(ActorType.STAFF, 7)
PROFILING, RECOMMENDATIONS = ConsentPurpose.PROFILING, ConsentPurpose.RECOMMENDATIONS
GRANTED, REFUSED = ConsentState.GRANTED, ConsentState.REFUSED


def say(profile_id: int, purpose: ConsentPurpose, state: ConsentState, version: str = "", source: str = "") -> int:
    """Returns the number of new records."""
    return update_consents(profile_id, [Consent(purpose, state, source, version)], STAFF, NOW).new


def allowed(profile_id: int) -> tuple[bool, bool]:
    profile = CustomerProfile.objects.get(pk=profile_id)
    return profile.profiling_allowed, profile.recommendations_allowed


def refused_code(profile_id: int, *consents: Consent) -> tuple[str, str | None]:
    before = ConsentRecord.objects.count()
    with pytest.raises(CustomerInputError) as refusal:
        update_consents(profile_id, consents, STAFF, NOW)
    assert ConsentRecord.objects.count() == before
    return refusal.value.code, refusal.value.field


@pytest.fixture
def ada() -> int:
    """A customer about whom everything is known that can be."""
    profile = CustomerProfile.objects.create(lifecycle_stage=LifecycleStage.REPEAT, lifecycle_since=NOW)
    store_order_facts([make_fact(profile.pk)])
    refresh_metrics([profile.pk])
    ProfileMetrics.objects.update(
        recency_score=5,
        frequency_score=4,
        monetary_score=3,
        rfm_group="champions",
        prediction_status=PredictionStatus.PREDICTED,
        predicted_clv=Decimal(90),
        predicted_orders=2.5,
        probability_alive=0.9,
        churn_probability=0.2,
        expected_next_order_at=NOW,
    )
    segment = CustomerSegment.objects.create(name="Big", slug="big", query="x")
    SegmentMembership.objects.create(segment=segment, profile=profile, entered_at=NOW)
    product = make_product(channel=make_channel())
    publish(again={profile.pk: [product]})
    return profile.pk


def known(profile_id: int) -> list[object]:
    """What is known beyond what orders need."""
    metrics = ProfileMetrics.objects.get(profile_id=profile_id)
    profile = CustomerProfile.objects.get(pk=profile_id)
    values = [
        metrics.recency_score,
        metrics.frequency_score,
        metrics.monetary_score,
        metrics.rfm_group,
        metrics.predicted_clv,
        metrics.predicted_orders,
        metrics.probability_alive,
        metrics.churn_probability,
        metrics.expected_next_order_at,
        profile.lifecycle_stage,
        profile.lifecycle_since,
        SegmentMembership.objects.filter(profile_id=profile_id).count(),
    ]
    return [value for value in values if value]


def lists(profile_id: int) -> int:
    return PersonalRecommendations.objects.filter(profile_id=profile_id).count()


class TestRecords:
    def test_the_newest_counts_and_all_stay(self, ada: int) -> None:
        assert say(ada, PROFILING, REFUSED, "v1", "account page") == 1
        assert say(ada, PROFILING, GRANTED, "v1") == 1
        assert say(ada, ConsentPurpose.MARKETING_EMAIL, GRANTED) == 1
        rows = ConsentRecord.objects.order_by("pk").values_list(
            "purpose", "state", "source", "text_version", "actor_type", "actor_id", "recorded_at"
        )
        assert list(rows) == [
            ("profiling", "refused", "account page", "v1", "staff", 7, NOW),
            ("profiling", "granted", "", "v1", "staff", 7, NOW),
            ("marketing_email", "granted", "", "", "staff", 7, NOW),
        ]

    def test_the_same_again_is_not_said_again_but_another_text_is(self, ada: int) -> None:
        assert say(ada, PROFILING, GRANTED, "v1") == 1
        assert say(ada, PROFILING, GRANTED, "v1", source="another place") == 0
        assert say(ada, PROFILING, GRANTED, "v2") == 1
        assert say(ada, PROFILING, REFUSED, "v2") == 1
        assert say(ada, PROFILING, REFUSED, "v2") == 0

    def test_bad_input_writes_nothing(self, ada: int) -> None:
        good = Consent(PROFILING, GRANTED)
        assert refused_code(ada) == ("REQUIRED", "consents")
        assert refused_code(ada, good, Consent(PROFILING, REFUSED)) == ("INVALID", "consents")
        long = "x" * (SOURCE_MAX_LENGTH + 1)
        assert refused_code(ada, good, Consent(RECOMMENDATIONS, GRANTED, source=long)) == ("INVALID", "source")
        assert refused_code(ada, Consent(PROFILING, GRANTED, text_version=long)) == ("INVALID", "textVersion")
        assert refused_code(ada, Consent(PROFILING, GRANTED, source="a\x00b")) == ("INVALID", "source")
        assert refused_code(2**40, good) == ("NOT_FOUND", "id")

    def test_an_erased_customer_says_nothing(self, ada: int) -> None:
        CustomerProfile.objects.filter(pk=ada).update(erased_at=NOW)
        assert refused_code(ada, Consent(PROFILING, GRANTED)) == ("NOT_APPLICABLE", "id")

    def test_it_is_said_of_the_person_not_of_the_profile_that_was_merged(self, ada: int) -> None:
        old = CustomerProfile.objects.create(merged_into_id=ada)
        assert update_consents(old.pk, [Consent(PROFILING, REFUSED)], STAFF, NOW).profile_id == ada
        assert (allowed(ada), allowed(old.pk)) == ((False, False), (True, True))

    def test_as_many_statements_for_all_purposes_as_for_one(self, ada: int) -> None:
        def statements(*purposes: ConsentPurpose) -> int:
            with CaptureQueriesContext(connection) as captured:
                update_consents(ada, [Consent(purpose, REFUSED) for purpose in purposes], STAFF, NOW)
            return len(captured)

        assert statements(PROFILING) == statements(*ConsentPurpose)

    def test_what_is_refused_is_taken_away_once(self, ada: int) -> None:
        with CaptureQueriesContext(connection) as captured:
            update_consents(ada, [Consent(PROFILING, REFUSED)], STAFF, NOW)
        changes = [one["sql"] for one in captured if "UPDATE crm_profile_metrics" in one["sql"]]
        gone = [one["sql"] for one in captured if "DELETE FROM crm_personal_recommendations" in one["sql"]]
        assert (len(changes), len(gone)) == (1, 1)


class TestFlags:
    @pytest.mark.parametrize(
        ("said", "flags"),
        [
            ([], (True, True)),
            ([(PROFILING, REFUSED)], (False, False)),
            ([(RECOMMENDATIONS, REFUSED)], (True, False)),
            ([(PROFILING, REFUSED), (RECOMMENDATIONS, GRANTED)], (False, False)),
            ([(PROFILING, REFUSED), (PROFILING, GRANTED)], (True, True)),
            ([(RECOMMENDATIONS, REFUSED), (PROFILING, REFUSED), (PROFILING, GRANTED)], (True, False)),
            ([(ConsentPurpose.MARKETING_EMAIL, REFUSED), (ConsentPurpose.MARKETING_SMS, REFUSED)], (True, True)),
        ],
    )
    def test_they_follow_what_was_said_last(
        self, ada: int, said: list[tuple[ConsentPurpose, ConsentState]], flags: tuple[bool, bool]
    ) -> None:
        for purpose, state in said:
            say(ada, purpose, state)
        assert allowed(ada) == flags

    def test_they_follow_whoever_writes_a_record(self, ada: int) -> None:
        record = ConsentRecord.objects.create(
            profile_id=ada, purpose=PROFILING, state=REFUSED, recorded_at=NOW, actor_type=ActorType.SYSTEM
        )
        assert allowed(ada) == (False, False)
        other = CustomerProfile.objects.create().pk
        ConsentRecord.objects.filter(pk=record.pk).update(profile_id=other)
        assert (allowed(ada), allowed(other)) == ((True, True), (False, False))
        record.delete()
        assert allowed(other) == (True, True)

    def test_a_record_is_not_rewritten(self, ada: int) -> None:
        say(ada, PROFILING, REFUSED)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            ConsentRecord.objects.update(state=GRANTED)


class TestRefusal:
    def test_profiling(self, ada: int) -> None:
        assert len(known(ada)) == 12
        say(ada, PROFILING, REFUSED)
        assert known(ada) == []
        metrics = ProfileMetrics.objects.get()
        assert metrics.prediction_status == PredictionStatus.REFUSED
        # What orders and tiers need stays.
        assert (metrics.orders_count, metrics.net_spent, metrics.average_order_value) == (1, 100, 100)
        assert lists(ada) == 0

    def test_recommendations_only(self, ada: int) -> None:
        say(ada, RECOMMENDATIONS, REFUSED)
        assert len(known(ada)) == 12
        assert lists(ada) == 0

    def test_marketing_changes_nothing_here(self, ada: int) -> None:
        say(ada, ConsentPurpose.MARKETING_EMAIL, REFUSED)
        assert len(known(ada)) == 12
        assert lists(ada) == 1

    def test_nobody_else_is_touched(self, ada: int) -> None:
        other = CustomerProfile.objects.create().pk
        say(other, PROFILING, REFUSED)
        assert len(known(ada)) == 12
        assert lists(ada) == 1

    def test_allowed_again_the_stage_is_back_and_scores_wait_for_the_night(self, ada: int) -> None:
        say(ada, PROFILING, REFUSED)
        say(ada, PROFILING, GRANTED)
        assert CustomerProfile.objects.get(pk=ada).lifecycle_stage == "lapsed"
        assert ProfileMetrics.objects.get().rfm_group == ""
        assert ProfileMetrics.objects.get().prediction_status == PredictionStatus.INSUFFICIENT_DATA

    def test_what_a_job_wrote_meanwhile_goes_in_the_night(self, ada: int) -> None:
        say(ada, PROFILING, REFUSED)
        ProfileMetrics.objects.update(recency_score=5, rfm_group="loyal")
        apply_consent_policy(False)
        assert known(ada) == []


class TestPolicy:
    def test_where_consent_is_required_silence_refuses(self, ada: int) -> None:
        willing = CustomerProfile.objects.create().pk
        say(willing, PROFILING, GRANTED)
        say(willing, RECOMMENDATIONS, GRANTED)
        assert apply_consent_policy(True, batch_size=1) == 1
        assert (allowed(ada), allowed(willing)) == ((False, False), (True, True))
        assert known(ada) == []
        assert lists(ada) == 0

    def test_back_again(self, ada: int) -> None:
        unwilling = CustomerProfile.objects.create().pk
        say(unwilling, PROFILING, REFUSED)
        apply_consent_policy(True)
        assert apply_consent_policy(False) == 1
        assert (allowed(ada), allowed(unwilling)) == ((True, True), (False, False))
        assert ConsentPolicy.objects.count() == 1

    def test_a_new_customer_starts_with_what_silence_means(self) -> None:
        apply_consent_policy(True)
        persons = [UserPerson(make_customer().pk), GuestPerson("guy@example.com")]
        profiles = resolve_profiles(persons)
        assert [allowed(profile_id) for profile_id in profiles.values()] == [(False, False)] * 2
        say(profiles[persons[1]], PROFILING, GRANTED)
        assert allowed(profiles[persons[1]]) == (True, False)

    def test_the_number_of_statements_is_that_of_batches(self) -> None:
        def statements() -> int:
            with CaptureQueriesContext(connection) as captured:
                apply_consent_policy(True)
            return len(captured)

        CustomerProfile.objects.create()
        apply_consent_policy(False)
        one = statements()
        CustomerProfile.objects.bulk_create(CustomerProfile() for _ in range(50))
        apply_consent_policy(False)
        assert statements() == one


class TestCustomersWhoSayALot:
    @pytest.fixture
    def flooded(self, ada) -> int:
        """Ada's own account has said all that it may in a day, and last that she agrees."""
        for number in range(DAILY_LIMIT):
            self.say(ada, (REFUSED, GRANTED)[number % 2])
        return ada

    def say(self, profile_id: int, state: ConsentState, version: str = "", at: datetime = NOW, actor=None) -> int:
        actor = actor or Actor(ActorType.CUSTOMER, 3)
        return update_consents(profile_id, [Consent(PROFILING, state, "", version)], actor, at).new

    def test_can_refuse_once_more(self, flooded):
        assert [self.say(flooded, REFUSED), self.say(flooded, REFUSED, "other words")] == [1, 0]
        assert allowed(flooded) == (False, False)

    def test_cannot_agree(self, flooded):
        with pytest.raises(CustomerInputError) as refusal:
            self.say(flooded, GRANTED, "other words")
        assert (refusal.value.code, refusal.value.field) == ("LIMIT_REACHED", "consents")
        assert ConsentRecord.objects.count() == DAILY_LIMIT

    def test_can_refuse_in_a_form_that_says_again_what_they_agree_to(self, ada):
        email = Consent(ConsentPurpose.MARKETING_EMAIL, GRANTED, "page", "v1")
        me = Actor(ActorType.CUSTOMER, 3)
        assert update_consents(ada, [email], me, NOW).new == 1
        for number in range(1, DAILY_LIMIT):
            self.say(ada, (REFUSED, GRANTED)[number % 2])
        form = [email, *(Consent(purpose, REFUSED, "page", "v1") for purpose in (PROFILING, RECOMMENDATIONS))]
        assert [update_consents(ada, form, me, NOW).new for _ in range(2)] == [2, 0]
        assert allowed(ada) == (False, False)

    def test_can_again_a_day_later(self, flooded):
        assert self.say(flooded, GRANTED, "other words", NOW + timedelta(days=1)) == 1

    def test_do_not_keep_staff_from_writing_it_down(self, flooded):
        assert self.say(flooded, GRANTED, "other words", actor=STAFF) == 1
