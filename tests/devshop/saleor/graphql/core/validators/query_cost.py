"""What a query costs: the sum over its fields of their cost in the map, times the page sizes of the lists around them.

A field that the map does not name costs nothing. A map that names what the schema does not have makes every query fail.
"""

from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)
from graphql.execution.values import get_argument_values
from graphql.language.ast import Field, FragmentSpread, OperationDefinition
from graphql.validation.rules.base import ValidationRule

_CostMap = dict[str, dict[str, Any]]


class QueryCostError(GraphQLError):
    pass


class CostValidator(ValidationRule):
    """A rule that is an instance where graphql-core expects a class: calling it binds it to a document."""

    def __init__(
        self,
        maximum_cost: int,
        *,
        default_cost: int = 0,
        default_complexity: int = 1,
        variables: dict | None = None,
        cost_map: _CostMap | None = None,
    ) -> None:
        self.maximum_cost = maximum_cost
        self.default_cost = default_cost
        self.default_complexity = default_complexity
        self.variables = variables
        self.cost_map = cost_map
        self.cost = 0

    def __call__(self, context: Any) -> "CostValidator":
        self.context = context
        return self

    def enter(self, node: Any, key: Any, parent: Any, path: Any, ancestors: Any) -> None:
        if not isinstance(node, OperationDefinition) or not self.cost_map:
            return
        schema = self.context.get_schema()
        try:
            validate_cost_map(self.cost_map, schema)
        except GraphQLError as error:
            self.context.report_error(error)
            return
        roots = {"query": schema.get_query_type, "mutation": schema.get_mutation_type}
        if node.operation in roots:
            self.cost += self._cost_of(node.selection_set, roots[node.operation](), [])

    def leave(self, node: Any, key: Any, parent: Any, path: Any, ancestors: Any) -> None:
        if isinstance(node, OperationDefinition) and self.cost > self.maximum_cost:
            self.context.report_error(
                QueryCostError(
                    cost_analysis_message(self.maximum_cost, self.cost),
                    extensions={"cost": {"requestedQueryCost": self.cost, "maximumAvailable": self.maximum_cost}},
                )
            )

    def _cost_of(self, selection_set: Any, type_: Any, multipliers: list[int]) -> int:
        """Fields add up; of several fragments, which exclude each other by type, only the dearest counts."""
        total = 0
        fragments: dict[str, int] = {}
        for selection in selection_set.selections if selection_set else []:
            if isinstance(selection, Field):
                total += self._cost_of_field(selection, type_, multipliers)
                continue
            fragment, fragment_type = self._resolve_fragment(selection, type_)
            if fragment and fragment_type:
                cost = self._cost_of(fragment.selection_set, fragment_type, multipliers)
                fragments[fragment_type.name] = fragments.get(fragment_type.name, 0) + cost
        return total + max(fragments.values(), default=0)

    def _resolve_fragment(self, selection: Any, type_: Any) -> tuple[Any, Any]:
        is_spread = isinstance(selection, FragmentSpread)
        fragment = self.context.get_fragment(selection.name.value) if is_spread else selection
        if fragment is None or not fragment.type_condition:
            return fragment, type_
        return fragment, self.context.get_schema().get_type(fragment.type_condition.name.value)

    def _cost_of_field(self, node: Field, type_: Any, multipliers: list[int]) -> int:
        fields = type_.fields if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) else {}
        field = fields.get(node.name.value)
        if field is None:
            return 0
        cost = self.default_cost
        entry = self.cost_map.get(type_.name, {}).get(node.name.value)
        if entry:
            multipliers = [*multipliers, *self._multiplier(entry, node, field)]
            cost = entry.get("complexity", self.default_complexity)
            for multiplier in multipliers:
                cost *= multiplier
        return cost + self._cost_of(node.selection_set, get_named_type(field.type), multipliers)

    def _multiplier(self, entry: dict[str, Any], node: Field, field: Any) -> list[int]:
        try:
            arguments = get_argument_values(field.args, node.arguments, self.variables)
        except GraphQLError as error:
            self.context.report_error(error)
            return []
        sizes = []
        for path in entry.get("multipliers", []):
            value: Any = arguments
            for name in path.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            size = len(value) if isinstance(value, list) else value
            if isinstance(size, int) and size > 0:
                sizes.append(size)
        return [sum(sizes)] if sizes else []


def validate_cost_map(cost_map: _CostMap, schema: GraphQLSchema) -> None:
    types = schema.get_type_map()
    for type_name, fields in cost_map.items():
        type_ = types.get(type_name)
        if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            raise GraphQLError(f"The cost map has a type {type_name}, and the schema has no such object type.")
        for field_name in fields:
            if field_name not in type_.fields:
                raise GraphQLError(f"The cost map has a field {field_name}, and {type_name} has none.")


def cost_analysis_message(maximum_cost: int, cost: int) -> str:
    return f"The query costs {cost}, and no more than {maximum_cost} is allowed."


def cost_validator(
    maximum_cost: int,
    *,
    default_cost: int = 0,
    default_complexity: int = 1,
    variables: dict | None = None,
    cost_map: _CostMap | None = None,
) -> CostValidator:
    return CostValidator(
        maximum_cost,
        default_cost=default_cost,
        default_complexity=default_complexity,
        variables=variables,
        cost_map=cost_map,
    )
