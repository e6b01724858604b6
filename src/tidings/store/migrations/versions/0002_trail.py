"""The trail: what each page of each reading saw and decided, and which readings failed."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The moment stands in the key because every question is about a period of one lane. `seen` (core/trail.py) comes last:
# what does not ask for it leaves its pages unread.
SCHEMA = """
create table trail (lane_id integer not null, at integer not null, serial integer not null, reading text not null,
    since_at integer, date_at integer, page integer not null, rows integer not null, outside integer not null,
    ended integer not null, numbers text, status integer, next_at integer, failure text, seen blob,
    primary key (lane_id, at, serial)) without rowid;
"""


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.execute(statement)
