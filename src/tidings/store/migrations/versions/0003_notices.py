"""Notices: what a person has to be told of, and whether their receiver has been told."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# `told` counts what the receiver has acknowledged: 1 the opening, 2 the closing too; `tries` and `due_at` are of the
# next of the two.
SCHEMA = """
create table notice (id integer primary key autoincrement, account_id integer not null, instance_id integer not null,
    kind text not null, subject text not null, reason text not null, opened_at integer not null, closed_at integer,
    told integer not null, tries integer not null, due_at integer not null);
create unique index notice_open on notice (instance_id, kind, subject) where closed_at is null;
create index notice_untold on notice (due_at) where told < 2;
create index notice_instance on notice (instance_id);
"""


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.execute(statement)
