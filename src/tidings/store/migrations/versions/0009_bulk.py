"""Bulk jobs, and which rows of an upload failed."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# `wanted` and `parts` are JSON. An id is never used again, since clients remember it.
SCHEMA = """
create table bulk (id integer primary key autoincrement, account_id integer not null, user_id integer not null,
    instance_id integer not null, resource text not null, direction text not null, status text not null,
    wanted text not null, file text not null, callback text, request_id text not null, schedule text,
    created_at integer not null, begun_at integer, ended_at integer, parts text not null, place text not null,
    records integer not null, failed integer not null, error text, tries integer not null);
create index bulk_instance on bulk (instance_id, id);
create index bulk_created on bulk (created_at);
create table bulk_error (bulk_id integer not null, number integer not null, said text not null, status integer,
    provider_said text, primary key (bulk_id, number)) without rowid;
"""


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.execute(statement)
