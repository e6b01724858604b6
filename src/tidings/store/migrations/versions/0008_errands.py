"""Errands: calls of the API that the server makes for somebody, on a schedule or once."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# `asked` and `answer` are sealed: both may hold secrets. An id is never used again, since clients remember it.
SCHEMA = """
create table errand (id integer primary key autoincrement, account_id integer not null, user_id integer not null,
    instance_id integer, name text not null, description text, cron text, callback text, asked blob not null,
    created_at integer not null, begun_at integer, ended_at integer, status integer, said text, runs integer not null,
    tries integer not null, answer blob);
create index errand_account on errand (account_id, id);
create index errand_user on errand (user_id);
"""


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.execute(statement)
