from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from saleor.graphql.api import backend, schema
from saleor.graphql.views import GraphQLView

urlpatterns = [
    path("graphql/", csrf_exempt(GraphQLView.as_view(backend=backend, schema=schema)), name="api"),
]
