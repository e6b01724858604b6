-- subscriptions_of_log -- subscriptions: the policy in force is the account's where they have none of their own
select s.*, coalesce(s.policy, a.value) as policy_in_force from subscription s left join instance i on i.id = s.instance_id
left join account_setting a on a.account_id = s.account_id and a.name = 'notification.webhook.failure.policy'
where s.instance_id = :instance_id and s.deleted_at is null and i.deleted_at is null order by s.id;

-- subscription --
select s.*, coalesce(s.policy, a.value) as policy_in_force from subscription s left join instance i on i.id = s.instance_id
left join account_setting a on a.account_id = s.account_id and a.name = 'notification.webhook.failure.policy'
where s.id = :id and s.deleted_at is null and i.deleted_at is null;

-- subscriptions_of_account --
select s.*, coalesce(s.policy, a.value) as policy_in_force from subscription s left join instance i on i.id = s.instance_id
left join account_setting a on a.account_id = s.account_id and a.name = 'notification.webhook.failure.policy'
where s.account_id = :account_id and s.deleted_at is null and i.deleted_at is null order by s.id;

-- every_subscription --
select s.*, coalesce(s.policy, a.value) as policy_in_force from subscription s left join instance i on i.id = s.instance_id
left join account_setting a on a.account_id = s.account_id and a.name = 'notification.webhook.failure.policy'
where s.deleted_at is null and i.deleted_at is null order by s.id;

-- add_subscription --
insert into subscription (account_id, instance_id, channel, source, topics, url, keys, headers, basic, cuts, schedule,
                          policy, rate, concurrency, jitter, active, created_at)
values (:account_id, :instance_id, :channel, :source, :topics, :url, :keys, :headers, :basic, :cuts, :schedule,
        :policy, :rate, :concurrency, :jitter, 1, :now) returning id;

-- change_subscription --
update subscription set topics = :topics, url = :url, keys = :keys, headers = :headers, basic = :basic, cuts = :cuts,
       schedule = :schedule, policy = :policy, rate = :rate, concurrency = :concurrency, jitter = :jitter
where id = :id and deleted_at is null;

-- delete_subscription -- what belongs to it is purged later
update subscription set deleted_at = :now where id = :id and deleted_at is null;

-- stop_subscription --
update subscription set active = 0, reason = :reason, stopped_at = coalesce(stopped_at, :now) where id = :id;

-- rest_subscription -- nobody is to be delivered to, but nothing failed
update subscription set stopped_at = coalesce(stopped_at, :now) where id = :id;

-- start_subscription --
update subscription set active = 1, reason = null, stopped_at = null, dropped_events = 0 where id = :id;

-- lose_events --
update subscription set dropped_events = dropped_events + :events where id = :id;

-- unqueue_deliveries --
update delivery set state = 'retry', attempt = 0, due_at = :now
where subscription_id = :subscription_id and state = 'queued';

-- hasten_deliveries -- their schedules begin anew
update delivery set attempt = 0, due_at = min(due_at, :now)
where subscription_id = :subscription_id and state = 'retry';

-- delivery_lane --
select id, state, cursor from lane where instance_id = :instance_id and kind = 'deliver' and key = :key;

-- reopen_lane -- what was learned of the receiver is forgotten, and a running worker drops its work
update lane set state = 'ready', due_at = :now, fence = fence + 1, owner = null, lease_until = null, attempt = 0,
       parked_reason = null, cursor = :cursor
where id = :id;

-- rouse_lane -- a running worker drops its work and reads its subscription anew
update lane set due_at = :now, fence = fence + 1, owner = null, lease_until = null where id = :id and state = 'ready';

-- rouse_replays -- those of a subscription that are being worked: their workers drop their work and look at it anew
update lane set due_at = :now, fence = fence + 1, owner = null, lease_until = null
where kind = 'replay' and state = 'ready' and owner is not null
  and exists (select 1 from replay where id = cast(lane.key as integer) and subscription_id = :subscription_id);

-- stop_lane --
update lane set state = 'parked', parked_reason = :reason, fence = fence + 1, owner = null, lease_until = null
where instance_id = :instance_id and kind = 'deliver' and key = :key and state = 'ready';

-- log --
select id, account_id, last_sequence, dropped_sequence,
       (select n.created_at from notification n where n.instance_id = log.id order by n.first_sequence limit 1) as oldest_at
from log where id = :id and deleted_at is null;

-- logs --
select id, account_id, last_sequence, dropped_sequence,
       (select n.created_at from notification n where n.instance_id = log.id order by n.first_sequence limit 1) as oldest_at
from log where deleted_at is null order by id;

-- stuck -- of each subscription that goes on the oldest notification that it has not got, where that was tried in vain;
-- only the tries since it last went on
select s.id, d.state, d.attempt as tries, a.status, a.error,
       (select min(b.at) from attempt b
        where b.subscription_id = s.id and b.number = d.number and b.replay_id = 0 and b.try > a.try - d.attempt) as since_at
from subscription s
join delivery d on d.subscription_id = s.id
     and d.number = (select min(e.number) from delivery e where e.subscription_id = s.id)
join attempt a on a.subscription_id = s.id and a.number = d.number
     and a.try = (select max(b.try) from attempt b where b.subscription_id = s.id and b.number = d.number and b.replay_id = 0)
where s.active = 1 and s.deleted_at is null and d.attempt > 0;

-- account_settings --
select name, value from account_setting where account_id = :account_id order by name;

-- write_account_setting --
insert into account_setting (account_id, name, value) values (:account_id, :name, :value)
on conflict (account_id, name) do update set value = excluded.value;

-- drop_account_setting --
delete from account_setting where account_id = :account_id and name = :name;
