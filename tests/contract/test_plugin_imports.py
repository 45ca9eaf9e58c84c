"""What the plugin uses of Saleor is in every supported version, and nothing it adds is already there."""

import importlib
import textwrap
from typing import Any

import pytest

from . import exceptions, facts, ours
from .plugin_imports import Use, prefixes, uses, uses_in

COMPAT = "saleor_crm_plugin/compat.py"


def versions_without(target: str) -> list[str]:
    return [version for version in facts.VERSIONS if not _is_in(version, target)]


def _is_in(version: str, target: str) -> bool:
    """The longest prefix of the target that is a module must define the name that follows it."""
    known = facts.kept("symbols")
    target = exceptions.RE_EXPORTS.get(target, target)
    following = None
    for prefix in prefixes(target):
        if facts.unpack(known["modules"].get(prefix))[version]:
            names = known["names"].get(prefix, {})
            return following is None or bool(facts.unpack(names.get(following))[version])
        following = prefix.rpartition(".")[2]
    return False


def test_what_the_plugin_uses_is_in_every_version() -> None:
    missing = {str(use): versions_without(use.target) for use in uses() if use.target not in exceptions.PLUGIN}
    assert not {use: versions for use, versions in missing.items() if versions}, (
        "Put it into compat.py, or if the facts are old: python -m tests.contract.refresh_facts"
    )


@pytest.mark.parametrize("target", exceptions.PLUGIN)
def test_what_is_not_in_every_version_is_used_with_care(target: str) -> None:
    used = [use for use in uses() if use.target == target]
    assert used, "This exception is not needed any more."
    assert versions_without(target), "This is in every version."
    assert all(use.file == COMPAT and use.guarded for use in used), used


def test_the_plugin_has_an_alternative_in_every_version() -> None:
    without = [set(versions_without(target)) for target in exceptions.PLUGIN]
    assert not set.intersection(*without)


def test_re_exports_are_used() -> None:
    assert set(exceptions.RE_EXPORTS) <= {use.target for use in uses()}


def test_this_shop_has_what_the_plugin_uses() -> None:
    missing = [str(use) for use in uses() if not use.guarded and not _resolves(use)]
    assert not missing, missing


def _resolves(use: Use) -> bool:
    """Import the longest prefix that is a module, and read the rest as attributes."""
    rest: list[str] = []
    for prefix in prefixes(use.target):
        try:
            value: Any = importlib.import_module(prefix)
        except ModuleNotFoundError:
            rest.insert(0, prefix.rpartition(".")[2])
            continue
        for name in rest:
            if not hasattr(value, name):
                return False
            value = getattr(value, name)
        return True
    return False


@pytest.mark.devshop("in a real shop, the plugin itself looks for clashes when it starts")
def test_the_plugin_adds_no_name_that_saleor_has() -> None:
    known = facts.kept("graphql")
    types, fields = ours.plugin_additions()
    assert types, "The plugin is not installed."
    assert not types & set(known["all type names"])
    taken = {(type_name, field) for type_name, names in known["all field names"].items() for field in names}
    assert {type_name for type_name, _field in fields} <= set(known["all field names"])
    assert not fields & taken


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        ("from saleor.order.models import Order as O\nO.objects", {"saleor.order.models.Order"}),
        ("from saleor.order import models\nmodels.Order", {"saleor.order.models", "saleor.order.models.Order"}),
        ("import saleor.order.models\nsaleor.order.models.Order", {"saleor.order.models", "saleor.order.models.Order"}),
        ("import saleor.order.models as m\nm.Order()", {"saleor.order.models", "saleor.order.models.Order"}),
        ("lazy('saleor.order.models.Order')", {"saleor.order.models.Order"}),
        ("def f():\n    from saleor import order", {"saleor.order"}),
    ],
)
def test_a_use_is_found(source: str, targets: set[str]) -> None:
    assert targets <= {use.target for use in uses_in(source)}


@pytest.mark.parametrize(
    "source",
    [
        '"""See saleor.order.models."""',
        "def f():\n    'saleor.order.models'",
        "from saleor_crm_plugin.order import models\nmodels.Order",
        "from .saleor import order",
        "'saleor.order.models is a module'",
    ],
)
def test_what_only_looks_like_a_use_is_not_found(source: str) -> None:
    assert not list(uses_in(source))


def test_a_guarded_import_is_known_as_such() -> None:
    source = textwrap.dedent(
        """
        try:
            from saleor.a import b
        except ImportError:
            from saleor.c import d
        try:
            from saleor.e import f
        except ValueError:
            pass
        """
    )
    assert {use.target: use.guarded for use in uses_in(source)} == {
        "saleor.a.b": True,
        "saleor.c.d": True,
        "saleor.e.f": False,
    }


@pytest.mark.parametrize(
    ("target", "missing"),
    [
        ("saleor.order.models.Order", []),
        ("saleor.order.models.Order.objects", []),
        ("saleor.order.models", []),
        ("saleor.graphql.channel.ChannelContext", ["3.22", "3.23", "3.24"]),
        ("saleor.order.models.Ordr", list(facts.VERSIONS)),
        ("saleor.ordr.models.Order", list(facts.VERSIONS)),
        ("saleor_crm_plugin.models", list(facts.VERSIONS)),
    ],
)
def test_versions_without(target: str, missing: list[str]) -> None:
    assert versions_without(target) == missing
