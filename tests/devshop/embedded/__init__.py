"""A Django database engine: PostgreSQL that starts when it is first needed."""
