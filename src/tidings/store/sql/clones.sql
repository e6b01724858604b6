-- add_clone -- no row when the account has one of that key
insert into element_clone (account_id, element_key, key, name, description, active, created_at)
values (:account_id, :element_key, :key, :name, :description, 1, :now)
on conflict (account_id, key) do nothing
returning id;

-- clones -- of one account, or one of them
select id, account_id, element_key, key, name, description, active, created_at
from element_clone
where account_id = :account_id and (:id is null or id = :id)
order by id;

-- change_clone --
update element_clone set name = :name, description = :description, active = :active
where id = :id and account_id = :account_id;

-- delete_clone -- deleted instances know the element that they were copied from
delete from element_clone
where id = :id and account_id = :account_id
  and not exists (select 1 from instance where clone_id = :id and deleted_at is null);
