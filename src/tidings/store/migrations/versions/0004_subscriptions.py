"""Several subscriptions to one log, each with its keys, headers and cuts; accounts have logs; replays; retention."""

import json

from alembic import context, op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A log is an instance's, by its id, or an account's own, by its id below zero; the view is for what does not ask which.
# `cuts` and `schedule` are JSON, `keys`, `headers` and `basic` sealed JSON. `dropped_sequence` is the last one that
# retention has removed. A subscription without `stopped_at` holds what it has not got against retention;
# `dropped_events` counts what was removed all the same, since it last went on.
SCHEMA = """
alter table subscription rename column topic to topics;
update subscription set topics = json_array(topics);
alter table subscription rename column signature_key to keys;
alter table subscription add column channel text not null default 'webhook';
alter table subscription add column headers blob;
alter table subscription add column basic blob;
alter table subscription add column cuts text not null default '[[0,"platform",[],[],[]]]';
alter table subscription add column schedule text;
alter table subscription add column policy text;
alter table subscription add column rate real;
alter table subscription add column concurrency integer not null default 8;
alter table subscription add column jitter real not null default 0;
alter table subscription add column source text not null default 'instance';
alter table subscription add column stopped_at integer;
alter table subscription add column deleted_at integer;
alter table subscription add column dropped_events integer not null default 0;
update subscription set stopped_at = cast(strftime('%s', 'now') as integer) * 1000 where active = 0;
create index subscription_account on subscription (account_id, id);
create index subscription_deleted on subscription (id) where deleted_at is not null;
alter table attempt add column replay_id integer not null default 0;
alter table instance add column dropped_sequence integer not null default 0;
alter table account add column last_sequence integer not null default 0;
alter table account add column dropped_sequence integer not null default 0;
create view log (id, account_id, last_sequence, dropped_sequence, deleted_at) as
    select id, account_id, last_sequence, dropped_sequence, deleted_at from instance
    union all select -id, id, last_sequence, dropped_sequence, null from account;
alter table notification add column acknowledged integer not null default 0;
alter table notification add column hidden_at integer;
create index notification_number on notification (instance_id, number);
create index notification_topic on notification (instance_id, resource, number) where instance_id < 0;
create index delivery_state on delivery (subscription_id, state, number);
create table account_setting (account_id integer not null, name text not null, value text not null,
    primary key (account_id, name)) without rowid;
create table replay (id integer primary key autoincrement, account_id integer not null, instance_id integer not null,
    subscription_id integer not null, from_sequence integer not null, to_sequence integer not null, numbers text,
    rate real, state text not null, position integer not null, sent integer not null, failed integer not null,
    reason text, created_at integer not null, finished_at integer);
create index replay_instance on replay (instance_id, id);
create index replay_account on replay (account_id, id);
"""


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
    # A key that stood alone becomes a list of one without an end, sealed anew.
    vault = context.config.attributes["vault"]
    db = op.get_bind()
    for number, sealed in db.exec_driver_sql("select id, keys from subscription where keys is not null").fetchall():
        key = vault.open(sealed, "signature").decode()
        listed = vault.seal(json.dumps([[key, None]]).encode(), "subscription.keys")
        db.exec_driver_sql("update subscription set keys = ? where id = ?", (listed, number))
