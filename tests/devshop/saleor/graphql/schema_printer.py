"""The schema as SDL: descriptions, deprecations, and the category of each type and root field as `@doc`."""

from typing import Any

from graphql.language.printer import print_ast
from graphql.type.definition import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
)
from graphql.type.directives import DEFAULT_DEPRECATION_REASON
from graphql.type.schema import GraphQLSchema
from graphql.utils.ast_from_value import ast_from_value

_BUILT_IN_SCALARS = {"String", "Boolean", "Int", "Float", "ID"}
_BUILT_IN_DIRECTIVES = {"skip", "include", "deprecated"}


def print_schema(schema: GraphQLSchema) -> str:
    directives = [item for item in schema.get_directives() if item.name not in _BUILT_IN_DIRECTIVES]
    types = [
        item
        for name, item in schema.get_type_map().items()
        if name not in _BUILT_IN_SCALARS and not name.startswith("__")
    ]
    definition = print_schema_definition(schema)
    return "\n\n".join([definition, *map(print_directive, directives), *map(print_type, types)])


def print_schema_definition(schema: GraphQLSchema) -> str:
    roots = {
        "query": schema.get_query_type(),
        "mutation": schema.get_mutation_type(),
        "subscription": schema.get_subscription_type(),
    }
    return "schema " + print_block([f"  {operation}: {root.name}" for operation, root in roots.items() if root])


def print_type(type_: Any) -> str:
    start = print_description(type_)
    category = _doc(getattr(getattr(type_, "graphene_type", None), "doc_category", None))
    if isinstance(type_, GraphQLScalarType):
        return f"{start}scalar {type_.name}"
    if isinstance(type_, GraphQLUnionType):
        return f"{start}union {type_.name} = " + " | ".join(item.name for item in type_.types)
    if isinstance(type_, GraphQLEnumType):
        values = [
            print_description(value, "  ") + f"  {value.name}" + print_deprecated(value.deprecation_reason)
            for value in type_.values
        ]
        return f"{start}enum {type_.name}{category} " + print_block(values)
    if isinstance(type_, GraphQLInputObjectType):
        fields = [
            print_description(field, "  ") + "  " + print_input_value(name, field)
            for name, field in type_.fields.items()
        ]
        return f"{start}input {type_.name}{category} " + print_block(fields)
    if isinstance(type_, GraphQLInterfaceType):
        return f"{start}interface {type_.name}{category}" + print_fields(type_)
    assert isinstance(type_, GraphQLObjectType), f"Unknown kind of type: {type_}"
    interfaces = " & ".join(item.name for item in type_.interfaces)
    implements = f" implements {interfaces}" if interfaces else ""
    is_root = type_.name in ("Query", "Mutation", "Subscription")
    return f"{start}type {type_.name}{implements}{category}" + print_fields(type_, is_root)


def print_fields(type_: Any, include_doc_category_directives: bool = False) -> str:
    lines = []
    for name, field in type_.fields.items():
        category = ""
        if include_doc_category_directives:
            returned = getattr(field.type, "graphene_type", None)
            category = _doc(getattr(returned, "doc_category", None) or getattr(field.resolver, "doc_category", None))
        lines.append(
            print_description(field, "  ")
            + f"  {name}{print_args(field.args, '  ')}: {field.type}{category}"
            + print_deprecated(field.deprecation_reason)
        )
    return " " + print_block(lines)


def print_args(args: dict[str, Any], indentation: str = "") -> str:
    if not args:
        return ""
    if not any(arg.description for arg in args.values()):
        return "(" + ", ".join(print_input_value(name, arg) for name, arg in args.items()) + ")"
    inner = f"{indentation}  "
    lines = [print_description(arg, inner) + inner + print_input_value(name, arg) for name, arg in args.items()]
    return "(\n" + "\n".join(lines) + f"\n{indentation})"


def print_input_value(name: str, arg: Any) -> str:
    default = ast_from_value(arg.default_value, arg.type)
    return f"{name}: {arg.type}" + (f" = {print_ast(default)}" if default else "")


def print_directive(directive: Any) -> str:
    places = " | ".join(directive.locations)
    return f"{print_description(directive)}directive @{directive.name}{print_args(directive.args)} on {places}"


def print_deprecated(reason: str | None) -> str:
    if reason is None:
        return ""
    if reason == DEFAULT_DEPRECATION_REASON:
        return " @deprecated"
    return f" @deprecated(reason: {print_ast(ast_from_value(reason))})"


def print_description(def_: Any, indentation: str = "", first_in_block: bool = True) -> str:
    text = str(def_.description or "").strip()
    if not text:
        return ""
    escaped = text.replace('"""', '\\"""')
    lines = ['"""', *escaped.splitlines(), '"""'] if "\n" in text or len(text) > 70 else [f'"""{escaped}"""']
    return "".join(f"{indentation}{line}\n" if line else "\n" for line in lines)


def print_block(items: list[str]) -> str:
    return "{\n" + "\n".join(items) + "\n}" if items else ""


def _doc(category: str | None) -> str:
    return f' @doc(category: "{category}")' if category else ""
