import pytest

# A module of tests to inherit is not a test module to pytest, and would fail without saying what differed.
pytest.register_assert_rewrite("tests.contract.recommender")
