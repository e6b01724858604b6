"""Usage: who has called what of the API, and how it ended."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = """
create table usage (number integer primary key autoincrement, request_id text not null, account_id integer not null,
    user_id integer not null, organization_id integer not null, at integer not null, took_for real not null,
    method text not null, path text not null, operation text not null, status integer not null, address text not null,
    element_key text, instance_id integer);
create index usage_request on usage (request_id);
create index usage_account on usage (account_id, at, number);
"""


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.execute(statement)
