-- write_grant -- whoever renews the former one holds no turn any more
insert into oauth_grant (instance_id, tokens, serial, renew_at, external, refused, fence)
values (:instance_id, :tokens, 1, :renew_at, :external, null, 0)
on conflict (instance_id) do update set tokens = excluded.tokens, serial = oauth_grant.serial + 1,
    renew_at = excluded.renew_at, external = excluded.external, refused = null, fence = oauth_grant.fence + 1,
    owner = null, lease_until = null, asked_at = null;

-- grant_of -- of an instance that is not deleted
select g.tokens as grant_tokens, g.serial as grant_serial, g.external as grant_external, g.refused as grant_refused,
       g.fence, g.lease_until, g.asked_at
from oauth_grant g
join instance i on i.id = g.instance_id
where g.instance_id = :instance_id and i.deleted_at is null;

-- begin_renewal --
update oauth_grant set owner = :owner, lease_until = :lease_until, asked_at = coalesce(asked_at, :now), fence = fence + 1
where instance_id = :instance_id;

-- keep_tokens --
update oauth_grant set tokens = :tokens, renew_at = :renew_at, serial = serial + 1, owner = null, lease_until = null,
    asked_at = null
where instance_id = :instance_id and fence = :fence and refused is null;

-- end_renewal --
update oauth_grant set owner = null, lease_until = null, asked_at = case when :settled = 1 then null else asked_at end
where instance_id = :instance_id and fence = :fence and refused is null;

-- refuse_grant --
update oauth_grant set refused = :reason, owner = null, lease_until = null
where instance_id = :instance_id and fence = :fence and refused is null;

-- renewals_due --
select g.instance_id, g.serial
from oauth_grant g
join instance i on i.id = g.instance_id
where g.renew_at <= :now and g.refused is null and i.deleted_at is null
order by g.renew_at
limit :limit;

-- purge_grant --
delete from oauth_grant where instance_id = :instance_id;
