"""The first schema: people, instances, lanes, records, the event log, deliveries."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# `record_id` has no type on purpose: an integer stays an integer and text stays text, so ids sort as the provider
# counts them. WITHOUT ROWID keeps a page of neighbours together; content lives in its own table, so that comparing
# reads only hashes.
SCHEMA = """
create table organization (id integer primary key, secret blob not null, secret_lookup blob not null);
create table account (id integer primary key, organization_id integer not null references organization (id),
    name text not null);
create table person (id integer primary key, organization_id integer not null references organization (id),
    account_id integer not null references account (id), email text not null unique, first_name text not null,
    last_name text not null, password_hash text not null, secret blob not null, secret_lookup blob not null unique);
create table session (token_lookup blob primary key, user_id integer not null, until_at integer not null);
create table counter (name text primary key, value integer not null) without rowid;
insert into counter (name, value) values ('notification', 0);
create table instance (id integer primary key autoincrement, account_id integer not null, user_id integer not null,
    element_key text not null, name text not null, tags text not null, configuration text not null,
    secrets blob not null, token blob not null, token_lookup blob unique, disabled integer not null,
    created_at integer not null, updated_at integer not null, deleted_at integer, revision integer not null,
    last_sequence integer not null);
create table lane (id integer primary key autoincrement, kind text not null, instance_id integer not null,
    key text not null, state text not null, due_at integer not null, fence integer not null, owner text,
    lease_until integer, attempt integer not null, parked_reason text, generation text not null, cursor blob not null,
    unique (instance_id, kind, key));
create index lane_due on lane (kind, due_at) where state = 'ready';
create table record (lane_id integer not null, record_id not null, raw_hash blob not null, stamp_at integer,
    rev integer not null, gone integer not null, missing integer not null, generation integer not null,
    serial integer not null, primary key (lane_id, record_id)) without rowid;
create table snapshot (lane_id integer not null, record_id not null, body blob not null,
    primary key (lane_id, record_id)) without rowid;
create table dictionary (lane_id integer primary key, body blob not null);
create table notification (number integer primary key, id text not null, instance_id integer not null,
    resource text not null, first_sequence integer not null, last_sequence integer not null,
    created_at integer not null, events text not null, body blob not null);
create unique index notification_sequence on notification (instance_id, first_sequence);
create unique index notification_id on notification (instance_id, id);
create table subscription (id integer primary key autoincrement, account_id integer not null,
    instance_id integer not null, topic text not null, url text not null, signature_key blob, active integer not null,
    reason text, created_at integer not null);
create index subscription_instance on subscription (instance_id);
create table delivery (subscription_id integer not null, number integer not null, state text not null,
    attempt integer not null, due_at integer not null, primary key (subscription_id, number)) without rowid;
create table attempt (subscription_id integer not null, number integer not null, try integer not null,
    at integer not null, status integer, error text, retry_after real, answer text not null, took_for real not null,
    primary key (subscription_id, number, try)) without rowid;
"""


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.execute(statement)
