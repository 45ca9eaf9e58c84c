"""What every test can use. The shop is the stand-in (`tests/devshop`), or a real Saleor where one is importable."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings as hypothesis_settings

# `pytest --hypothesis-profile=thorough`: minutes instead of seconds, for a change to the ledger.
hypothesis_settings.register_profile("thorough", max_examples=2000, stateful_step_count=40, deadline=None)

pytest_plugins = ["tests.devshop.fixtures"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let several people run tests on one server: CRM_TEST_DB_SUFFIX tells their databases apart."""
    suffix = os.environ.get("CRM_TEST_DB_SUFFIX")
    if suffix:
        from django.conf import settings

        test = settings.DATABASES["default"].setdefault("TEST", {})
        test["NAME"] = f"{test.get('NAME') or 'test_' + str(settings.DATABASES['default']['NAME'])}_{suffix}"
