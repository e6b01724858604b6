"""Brings a database to the current schema; Alembic keeps the list."""
