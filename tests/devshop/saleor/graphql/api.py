"""The schema of the shop, built when this module is imported."""

from functools import partial

import graphql
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from graphql import (
    GraphQLCachedBackend,
    GraphQLCoreBackend,
    GraphQLSchema,
    execute,
    parse,
    validate,
)
from graphql.backend.base import GraphQLDocument
from graphql.execution import ExecutionResult

from .account.schema import AccountMutations, AccountQueries
from .channel.schema import ChannelQueries
from .checkout.schema import CheckoutMutations, CheckoutQueries
from .order.schema import OrderMutations, OrderQueries
from .payment.schema import PaymentMutations
from .plugins.schema import PluginsMutations, PluginsQueries
from .product.schema import ProductQueries

# Last: it makes a union of the entities that the modules above register.
from .core.federation.schema import build_federated_schema  # isort: skip

API_PATH = SimpleLazyObject(lambda: reverse("api"))


class Query(AccountQueries, ChannelQueries, CheckoutQueries, OrderQueries, PluginsQueries, ProductQueries):
    pass


class Mutation(AccountMutations, CheckoutMutations, OrderMutations, PaymentMutations, PluginsMutations):
    pass


GraphQLDocDirective = graphql.GraphQLDirective(
    name="doc",
    description="Under which heading the reference lists this.",
    args={"category": graphql.GraphQLArgument(graphql.GraphQLNonNull(graphql.GraphQLString))},
    locations=[
        graphql.DirectiveLocation.ENUM,
        graphql.DirectiveLocation.FIELD_DEFINITION,
        graphql.DirectiveLocation.INPUT_OBJECT,
        graphql.DirectiveLocation.INTERFACE,
        graphql.DirectiveLocation.OBJECT,
    ],
)

schema = build_federated_schema(
    Query,
    mutation=Mutation,
    types=[],
    subscription=None,
    directives=[*graphql.specified_directives, GraphQLDocDirective],
)


def _fail(errors: list, **_kwargs: object) -> ExecutionResult:
    return ExecutionResult(errors=errors, invalid=True)


class SaleorGraphQLBackend(GraphQLCoreBackend):
    """Parses and validates when a document is made, so that the cache keeps the result of both."""

    def document_from_string(self, schema: GraphQLSchema, document_string: str) -> GraphQLDocument:
        document_ast = parse(document_string)
        errors = validate(schema, document_ast)
        run = partial(_fail, errors) if errors else partial(execute, schema, document_ast, **self.execute_params)
        return GraphQLDocument(schema=schema, document_string=document_string, document_ast=document_ast, execute=run)


backend = GraphQLCachedBackend(SaleorGraphQLBackend())
