"""Tags, notes and consents of many customers at once, each in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence

from saleor.account.models import User
from saleor.app.models import App
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.graphql.page_loaders import CountLoader, PageLoader, RowsOfPersons
from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag


class TagsByProfileIdLoader(DataLoader):
    """Names of a profile's tags, in order."""

    context_key = "saleor_crm_plugin.tags_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[list[str]]:
        rows = CustomerTag.objects.using(self.database_connection_name).filter(profile_id__in=keys).order_by("name")
        found: dict[int, list[str]] = {}
        for profile_id, name in rows.values_list("profile_id", "name"):
            found.setdefault(profile_id, []).append(name)
        return [found.get(profile_id, []) for profile_id in keys]


class ConsentsByProfileIdLoader(DataLoader):
    """The newest `ConsentRecord` of each purpose about which the customer has said anything."""

    context_key = "saleor_crm_plugin.consents_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[list[ConsentRecord]]:
        rows = (
            ConsentRecord.objects.using(self.database_connection_name)
            .filter(profile_id__in=keys)
            .order_by("profile_id", "purpose", "-pk")
            .distinct("profile_id", "purpose")
        )
        found: dict[int, list[ConsentRecord]] = {}
        for row in rows:
            found.setdefault(row.profile_id, []).append(row)
        return [found.get(profile_id, []) for profile_id in keys]


class NotesByProfileIdLoader(RowsOfPersons, PageLoader):
    context_key = "saleor_crm_plugin.notes_by_profile_id"
    model = CustomerNote


class NoteCountByProfileIdLoader(RowsOfPersons, CountLoader):
    context_key = "saleor_crm_plugin.note_count_by_profile_id"
    model = CustomerNote


class ConsentHistoryByProfileIdLoader(RowsOfPersons, PageLoader):
    context_key = "saleor_crm_plugin.consent_history_by_profile_id"
    model = ConsentRecord


class ConsentCountByProfileIdLoader(RowsOfPersons, CountLoader):
    context_key = "saleor_crm_plugin.consent_count_by_profile_id"
    model = ConsentRecord


class ActorNameLoader(DataLoader):
    """Name of each `Actor`: of a person, or else their e-mail address; None for the system and who is gone."""

    context_key = "saleor_crm_plugin.actor_name"

    def batch_load(self, keys: Sequence[Actor]) -> list[str | None]:
        people = {key.id for key in keys if key.type in (ActorType.STAFF, ActorType.CUSTOMER) and key.id is not None}
        apps = {key.id for key in keys if key.type == ActorType.APP and key.id is not None}
        names: dict[Actor, str] = {}
        if people:
            users = User.objects.using(self.database_connection_name).filter(pk__in=people)
            for user_id, first, last, email in users.values_list("pk", "first_name", "last_name", "email"):
                name = f"{first} {last}".strip() or email
                names |= {Actor(ActorType.STAFF, user_id): name, Actor(ActorType.CUSTOMER, user_id): name}
        if apps:
            rows = App.objects.using(self.database_connection_name).filter(pk__in=apps).values_list("pk", "name")
            names |= {Actor(ActorType.APP, app_id): name for app_id, name in rows}
        return [names.get(key) for key in keys]
