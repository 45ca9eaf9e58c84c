from typing import Any

from django.core.management.base import BaseCommand

from ...api import schema
from ...schema_printer import print_schema


class Command(BaseCommand):
    help = "Print the GraphQL schema."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(print_schema(schema))
