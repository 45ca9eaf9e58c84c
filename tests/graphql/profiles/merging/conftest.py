from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, resolve_profiles
from tests.graphql.client import global_id

PREVIEW = """
mutation ($source: ID!, $target: ID!, $days: Int) {
  customerProfileMergePreview(sourceId: $source, targetId: $target, undoDays: $days) {
    preview {
      source { profileId name emails ordersCount points pendingPoints debt tags }
      target { profileId name emails ordersCount points pendingPoints debt tags }
      stricterConsents tags undoUntil refusals { field code message }
    }
    errors { field code message }
  }
}
"""
MERGE = """
mutation ($source: ID!, $target: ID!, $days: Int) {
  customerProfileMerge(sourceId: $source, targetId: $target, undoDays: $days) {
    profile { id email ordersCount merges { id sourceId mergedBy { email } canBeUndone } }
    merge { id sourceId targetId mergedAt undoUntil undoneAt canBeUndone }
    errors { field code message }
  }
}
"""
UNMERGE = """
mutation ($merge: ID!) {
  customerProfileUnmerge(mergeId: $merge) {
    source { id email ordersCount } target { id email ordersCount merges { id } }
    merge { id undoneAt canBeUndone } points debt
    errors { field code message }
  }
}
"""


@pytest.fixture
def ids(shop):
    """Global ids of the profiles."""
    persons = {"ann": UserPerson(shop.ann.pk), "ben": UserPerson(shop.ben.pk), "guy": GuestPerson("guy@example.com")}
    found = resolve_profiles(persons.values())
    return {name: global_id("CustomerProfile", found[person]) for name, person in persons.items()}


@pytest.fixture
def staff(staff_with):
    return staff_with("MANAGE_USERS")


@pytest.fixture
def merged(ids, staff):
    """Ben, who has an account, is Ann. Id of the merge."""
    done = staff.data(MERGE, source=ids["ben"], target=ids["ann"])["customerProfileMerge"]
    assert done["errors"] == []
    return done["merge"]["id"]
