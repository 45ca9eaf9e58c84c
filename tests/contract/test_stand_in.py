"""The stand-in shop agrees with every supported version of Saleor, but for what `exceptions.py` lists with a reason."""

import operator
from collections.abc import Iterator
from typing import Any

import pytest

from . import exceptions, facts, ours, refresh_facts

pytestmark = pytest.mark.devshop("it is about the stand-in")

NO_FACT = "Saleor has no such thing, or the facts are old: python -m tests.contract.refresh_facts"

Finding = tuple[str, str]


def model_findings() -> Iterator[Finding]:
    known = facts.kept("models")
    for label, model in ours.our_models().items():
        fact = known.get(label, {"fields": {}})
        for key in ("db_table", "ordering"):
            yield from _compare(f"{label}.{key}", model[key], fact.get(key))
        for name, field in model["fields"].items():
            yield from _compare(f"{label}.{name}", field, fact["fields"].get(name))


def hook_findings() -> Iterator[Finding]:
    known = facts.kept("hooks")
    for name, arguments in ours.our_manager().items():
        yield from _compare(f"PluginsManager.{name}", arguments, known["manager"].get(name))
    attributes, hooks, methods = ours.our_base_plugin()
    for name, value in attributes.items():
        yield from _compare(f"BasePlugin.{name}", value, known["attributes"].get(name))
    for name in hooks:
        yield from _compare(f"BasePlugin.{name}", True, known["hooks"].get(name), lambda _ours, fact: bool(fact))
    for name, arguments in methods.items():
        yield from _compare(f"BasePlugin.{name}", arguments, known["base_plugin"].get(name))


def symbol_findings() -> Iterator[Finding]:
    known = facts.kept("symbols")
    for module, names in facts.stand_in_symbols().items():
        in_versions = facts.unpack(known["modules"].get(module))
        missing = [version for version, there in in_versions.items() if not there]
        if missing:
            yield module, f"no such module in {', '.join(missing)}"
            if len(missing) == len(facts.VERSIONS):
                continue
        for name, kind in names.items():
            if name == "__all__":
                continue
            kept = known["names"].get(module, {}).get(name)
            in_module = {v: fact for v, fact in facts.unpack(kept).items() if v not in missing}
            yield from _compare(f"{module}.{name}", kind, {facts.BY_VERSION: in_module})


def graphql_findings() -> Iterator[Finding]:
    known = facts.kept("graphql")["types"]
    for name, type_ in ours.our_graphql().items():
        fact = known.get(name, {})
        yield from _compare(name, type_["kind"], fact.get("kind"))
        for key in ("interfaces", "values", "types"):
            for item in type_.get(key, []):
                yield from _compare(f"{name}.{item}", True, fact.get(key, {}).get(item))
        for field_name, field in type_.get("fields", {}).items():
            field_fact = fact.get("fields", {}).get(field_name, {"args": {}})
            yield from _compare(f"{name}.{field_name}", field["type"], field_fact.get("type"))
            for argument, argument_type in field.get("args", {}).items():
                yield from _compare(f"{name}.{field_name}({argument})", argument_type, field_fact["args"].get(argument))


def _compare(name: str, our: Any, fact: Any, agrees: Any = operator.eq) -> Iterator[Finding]:
    if fact is None:
        yield name, NO_FACT
    elif found := facts.differences(our, fact, agrees):
        yield name, "; ".join(found)


def check(findings: Iterator[Finding], allowed: dict[str, str]) -> None:
    found = dict(findings)
    unexpected = {name: what for name, what in found.items() if name not in allowed}
    assert not unexpected, "\n" + "\n".join(f"{name}: {what}" for name, what in unexpected.items())
    needless = set(allowed) - set(found)
    assert not needless, f"These exceptions are not needed any more: {sorted(needless)}"


def test_models() -> None:
    check(model_findings(), exceptions.MODELS)


def test_hooks() -> None:
    check(hook_findings(), exceptions.HOOKS)


def test_symbols() -> None:
    check(symbol_findings(), exceptions.SYMBOLS)


def test_graphql() -> None:
    check(graphql_findings(), exceptions.GRAPHQL)


@pytest.mark.skipif(not facts.COMPLETE.exists(), reason="The complete facts are not beside this checkout.")
@pytest.mark.parametrize("kind", ["models", "hooks", "symbols", "graphql"])
def test_kept_facts_are_those_of_saleor(kind: str) -> None:
    fresh = refresh_facts.as_text(getattr(refresh_facts, kind)())
    assert (facts.KEPT / f"{kind}.json").read_text() == fresh, "Run: python -m tests.contract.refresh_facts"
