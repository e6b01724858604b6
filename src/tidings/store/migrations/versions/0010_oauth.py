"""Grants: what the owners of accounts have allowed by OAuth."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# `tokens` are sealed. A renewal that has begun has an owner and `asked_at`, which stays until its answer is known.
SCHEMA = """
create table oauth_grant (instance_id integer primary key, tokens blob not null, serial integer not null,
    renew_at integer, external integer not null, refused text, fence integer not null, owner text,
    lease_until integer, asked_at integer);
create index oauth_grant_due on oauth_grant (renew_at) where refused is null and renew_at is not null;
"""


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.execute(statement)
