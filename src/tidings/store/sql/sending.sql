-- take_account_sequence -- what people post, replays, retention, and where deliveries stand
update account set last_sequence = last_sequence + 1 where id = :account_id returning last_sequence;

-- kept --
select n.number, n.id, n.instance_id, n.resource, n.created_at, n.events, n.body, n.acknowledged
from notification n left join instance i on i.id = n.instance_id and i.deleted_at is null
where n.number = :number and coalesce(i.account_id, -n.instance_id) = :account_id and n.hidden_at is null;

-- kept_of_instance -- newest first, in the order of an index
select number, id, instance_id, resource, created_at, events, body, acknowledged from notification
where instance_id = :instance_id and number < :before and hidden_at is null order by number desc limit :limit;

-- kept_of_topic --
select number, id, instance_id, resource, created_at, events, body, acknowledged from notification
where instance_id = :instance_id and instance_id < 0 and resource = :topic and number < :before and hidden_at is null
order by number desc limit :limit;

-- acknowledge --
update notification set acknowledged = 1 where number = :number and hidden_at is null
  and coalesce((select i.account_id from instance i where i.id = notification.instance_id and i.deleted_at is null),
               -instance_id) = :account_id;

-- hide --
update notification set hidden_at = :now where number = :number and hidden_at is null
  and coalesce((select i.account_id from instance i where i.id = notification.instance_id and i.deleted_at is null),
               -instance_id) = :account_id;

-- delivery_offset --
select coalesce(json_extract(nullif(cast(cursor as text), ''), '$.offset'), 0) as offset, state from lane
where instance_id = :instance_id and kind = 'deliver' and key = :key;

-- oldest_open -- an unfinished delivery: what it speaks of is not acknowledged
select n.first_sequence from delivery d join notification n on n.number = d.number
where d.subscription_id = :subscription_id order by d.number limit 1;

-- droppable --
select number, first_sequence, last_sequence, created_at from notification
where instance_id = :instance_id order by first_sequence limit :limit;

-- replayed_from -- up to where no running replay of this log has anything to send
select min(from_sequence) - 1 as bound from replay where instance_id = :instance_id and state = 'running';

-- open_of -- how many events of these notifications a subscription has open deliveries for
select coalesce(sum(n.last_sequence - n.first_sequence + 1), 0) as events
from delivery d join notification n on n.number = d.number
where d.subscription_id = :subscription_id and d.number in (select value from json_each(:numbers))
  and n.last_sequence <= :offset;

-- drop_attempts --
delete from attempt where subscription_id = :subscription_id and number in (select value from json_each(:numbers));

-- drop_deliveries --
delete from delivery where subscription_id = :subscription_id and number in (select value from json_each(:numbers));

-- drop_notifications --
delete from notification where number in (select value from json_each(:numbers));

-- dropped_of_instance --
update instance set dropped_sequence = :sequence where id = :log_id and dropped_sequence < :sequence;

-- dropped_of_account --
update account set dropped_sequence = :sequence where id = -:log_id and dropped_sequence < :sequence;

-- every_subscription_of_log -- deleted ones too, whose attempts may not be purged yet
select id from subscription where instance_id = :instance_id;

-- add_replay --
insert into replay (account_id, instance_id, subscription_id, from_sequence, to_sequence, numbers, rate, state,
                    position, sent, failed, created_at)
values (:account_id, :instance_id, :subscription_id, :from_sequence, :to_sequence, :numbers, :rate, 'running',
        :from_sequence - 1, 0, 0, :now) returning id;

-- replay --
select * from replay where id = :id;

-- replays_of_log --
select * from replay where instance_id = :instance_id and id < :before order by id desc limit :limit;

-- replays_of_account --
select * from replay where account_id = :account_id and id < :before order by id desc limit :limit;

-- write_replay --
update replay set state = :state, position = :position, sent = :sent, failed = :failed, reason = :reason,
       finished_at = :finished_at
where id = :id;

-- replay_lane --
select id from lane where instance_id = :instance_id and kind = 'replay' and key = :key;

-- deliveries_in_state --
select d.number, n.created_at from delivery d join notification n on n.number = d.number
where d.subscription_id = :subscription_id and d.state = :state and d.number < :before
order by d.number desc limit :limit;

-- failed_since -- open deliveries with a try then or later
select count(*) as n from delivery d
where d.subscription_id = :subscription_id
  and exists (select 1 from attempt a
              where a.subscription_id = d.subscription_id and a.number = d.number and a.at >= :since
                and a.replay_id = 0 and (a.status is null or a.status not between 200 and 299));

-- attempted --
select distinct a.number, n.created_at from attempt a join notification n on n.number = a.number
where a.subscription_id = :subscription_id and a.number < :before order by a.number desc limit :limit;

-- log_down --
select number, id, instance_id, resource, created_at, events, body from notification
where instance_id = :instance_id and number < :before order by number desc limit :limit;

-- purgeable_subscriptions --
select id, instance_id from subscription where deleted_at is not null;

-- purge_attempts_of --
delete from attempt where (subscription_id, number, try) in (
    select subscription_id, number, try from attempt where subscription_id = :id limit :limit);

-- purge_deliveries_of --
delete from delivery where (subscription_id, number) in (
    select subscription_id, number from delivery where subscription_id = :id limit :limit);

-- purge_subscription --
delete from subscription where id = :id;

-- purge_lane_of --
delete from lane where instance_id = :instance_id and kind = 'deliver' and key = :key;

-- purge_replays --
delete from replay where id in (select id from replay where instance_id = :instance_id limit :limit);
