"""Clones: an account's copies of elements, which its instances may be of."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = """
create table element_clone (id integer primary key autoincrement, account_id integer not null,
    element_key text not null, key text not null, name text not null, description text not null,
    active integer not null, created_at integer not null, unique (account_id, key));
alter table instance add column clone_id integer;
"""


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.execute(statement)
