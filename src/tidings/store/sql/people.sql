-- add_organization -- people: organizations, their accounts, who may call
insert into organization (name, secret, secret_lookup, created_at)
values (:name, :secret, :secret_lookup, :now) returning id;

-- organization --
select id, name, secret, policy, created_at from organization where id = :id;

-- set_password_policy --
update organization set policy = :policy where id = :id;

-- set_organization_secret --
update organization set secret = :secret, secret_lookup = :secret_lookup where id = :id;

-- add_account --
insert into account (organization_id, name, description, external_id, active, is_default, created_at, updated_at)
values (:organization_id, :name, :description, :external_id, 1, :is_default, :now, :now) returning id;

-- account --
select id, organization_id, name, description, external_id, active, is_default, created_at, updated_at
from account where id = :id;

-- accounts --
select id, organization_id, name, description, external_id, active, is_default, created_at, updated_at
from account where organization_id = :organization_id order by id;

-- account_named --
select id from account where organization_id = :organization_id and external_id = :external_id;

-- change_account --
update account set name = :name, description = :description, external_id = :external_id, active = :active,
       updated_at = :now
where id = :id;

-- add_user --
insert into person (organization_id, account_id, email, first_name, last_name, password_hash, password_at, secret,
                    secret_lookup, active, created_at)
values (:organization_id, :account_id, :email, :first_name, :last_name, :password_hash, :now, :secret,
        :secret_lookup, 1, :now) returning id;

-- first_user --
select * from caller order by id limit 1;

-- user --
select * from caller where id = :id;

-- user_of_email -- two that differ in the case of letters alone are one
select * from caller where lower(email) = lower(:email);

-- user_of_secret --
select * from caller where secret_lookup = :secret_lookup;

-- users_of_account --
select * from caller where account_id = :account_id order by id;

-- users_of_organization --
select * from caller where organization_id = :organization_id order by id;

-- change_user --
update person set email = :email, first_name = :first_name, last_name = :last_name, active = :active where id = :id;

-- drop_user --
delete from person where id = :id;

-- set_password --
update person set password_hash = :password_hash, password_at = :now where id = :id;

-- keep_password --
insert into former_password (person_id, password_hash) select id, password_hash from person where id = :id;

-- former_passwords --
select password_hash from former_password where person_id = :id order by id desc limit :limit;

-- drop_passwords --
delete from former_password where person_id = :id
  and id not in (select id from former_password where person_id = :id order by id desc limit :keep);

-- roles_of_user --
select role from person_role where person_id = :id order by role;

-- roles_of_account --
select role from account_role where account_id = :id order by role;

-- grant_user --
insert into person_role (person_id, role) values (:id, :role) on conflict do nothing;

-- grant_account --
insert into account_role (account_id, role) values (:id, :role) on conflict do nothing;

-- revoke_user --
delete from person_role where person_id = :id and role = :role;

-- revoke_account --
delete from account_role where account_id = :id and role = :role;

-- drop_roles --
delete from person_role where person_id = :id;

-- add_session --
insert into session (token_lookup, user_id, until_at) values (:token_lookup, :user_id, :until_at);

-- note_login --
update person set last_login_at = :now where id = :id;

-- session_user --
select user_id from session where token_lookup = :token_lookup and until_at > :now;

-- drop_old_sessions --
delete from session where until_at <= :now;

-- end_sessions --
delete from session where user_id = :id;

-- rest_polling_of_user -- who is not there any more polls nothing; cursors are kept
update lane set state = 'off', fence = fence + 1, owner = null, lease_until = null
where kind in ('poll', 'hint') and state <> 'off'
  and instance_id in (select id from instance where user_id = :id and deleted_at is null);

-- rest_polling_of_account --
update lane set state = 'off', fence = fence + 1, owner = null, lease_until = null
where kind in ('poll', 'hint') and state <> 'off'
  and instance_id in (select id from instance where account_id = :id and deleted_at is null);
