"""Several accounts of an organization and several users of each: their roles, their passwords, and who is active."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Those who were there before are the first of their organization: they keep all they could do. A user's id is never
# used again, since instances remember it. `policy` is JSON, null for the rules as at first.
SCHEMA = """
alter table organization add column name text not null default '';
alter table organization add column policy text;
alter table organization add column created_at integer not null default 0;
alter table account add column description text not null default '';
alter table account add column external_id text not null default 'default';
alter table account add column active integer not null default 1;
alter table account add column is_default integer not null default 1;
alter table account add column created_at integer not null default 0;
alter table account add column updated_at integer not null default 0;
create unique index account_external on account (organization_id, external_id);
create table person_with_state (id integer primary key autoincrement, organization_id integer not null,
    account_id integer not null, email text not null, first_name text not null, last_name text not null,
    password_hash text not null, password_at integer not null, secret blob not null,
    secret_lookup blob not null unique, active integer not null, created_at integer not null, last_login_at integer);
insert into person_with_state (id, organization_id, account_id, email, first_name, last_name, password_hash,
        password_at, secret, secret_lookup, active, created_at)
    select id, organization_id, account_id, email, first_name, last_name, password_hash,
        cast(strftime('%s', 'now') as integer) * 1000, secret, secret_lookup, 1,
        cast(strftime('%s', 'now') as integer) * 1000 from person;
drop table person;
alter table person_with_state rename to person;
create unique index person_email on person (lower(email));
create index person_account on person (account_id);
create index person_organization on person (organization_id);
create table person_role (person_id integer not null, role text not null, primary key (person_id, role)) without rowid;
create table account_role (account_id integer not null, role text not null,
    primary key (account_id, role)) without rowid;
insert into person_role (person_id, role) select id, 'org-admin' from person;
create table former_password (id integer primary key autoincrement, person_id integer not null,
    password_hash text not null);
create index former_password_person on former_password (person_id, id);
create index session_user on session (user_id);
create index instance_user on instance (user_id);
update organization set created_at = cast(strftime('%s', 'now') as integer) * 1000;
update account set created_at = cast(strftime('%s', 'now') as integer) * 1000,
    updated_at = cast(strftime('%s', 'now') as integer) * 1000;
create view caller (id, organization_id, account_id, email, first_name, last_name, password_hash, password_at, secret,
        secret_lookup, active, created_at, last_login_at, account_active, in_default_account, organization_secret) as
    select p.id, p.organization_id, p.account_id, p.email, p.first_name, p.last_name, p.password_hash, p.password_at,
        p.secret, p.secret_lookup, p.active, p.created_at, p.last_login_at, a.active, a.is_default, o.secret
    from person p join account a on a.id = p.account_id join organization o on o.id = p.organization_id;
"""


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
