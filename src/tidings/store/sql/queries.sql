-- add_instance --
insert into instance (account_id, user_id, element_key, name, tags, configuration, secrets, token, token_lookup,
                      disabled, clone_id, created_at, updated_at, revision, last_sequence)
values (:account_id, :user_id, :element_key, :name, :tags, :configuration, :secrets, :token, :token_lookup,
        :disabled, :clone_id, :now, :now, 1, 0)
returning id;

-- change_instance -- whoever read an older revision changes nothing
update instance set element_key = :element_key, name = :name, tags = :tags, configuration = :configuration,
       secrets = :secrets, disabled = :disabled, clone_id = :clone_id, updated_at = :now, revision = revision + 1
where id = :id and revision = :revision and deleted_at is null;

-- delete_instance -- the token dies with it
update instance set deleted_at = :now, token_lookup = null where id = :id and deleted_at is null;

-- instance_by --
select i.id, i.account_id, i.user_id, i.element_key, i.name, i.tags, i.configuration, i.secrets, i.token, i.disabled,
       i.created_at, i.updated_at, i.revision, i.last_sequence, i.dropped_sequence, c.id as clone_id,
       c.key as clone_key, c.name as clone_name, c.description as clone_description, c.active as clone_active,
       c.created_at as clone_created_at, g.tokens as grant_tokens, g.serial as grant_serial,
       g.external as grant_external, g.refused as grant_refused
from instance i
left join element_clone c on c.id = i.clone_id
left join oauth_grant g on g.instance_id = i.id
where i.deleted_at is null
  and (:id is null or i.id = :id)
  and (:token_lookup is null or i.token_lookup = :token_lookup)
  and (:account_id is null or i.account_id = :account_id)
order by i.id;

-- deleted_instances --
select id from instance where deleted_at is not null;

-- purge_snapshots --
delete from snapshot where (lane_id, record_id) in (
    select s.lane_id, s.record_id from snapshot s join lane l on l.id = s.lane_id
    where l.instance_id = :instance_id limit :limit);

-- purge_records --
delete from record where (lane_id, record_id) in (
    select r.lane_id, r.record_id from record r join lane l on l.id = r.lane_id
    where l.instance_id = :instance_id limit :limit);

-- purge_attempts --
delete from attempt where (subscription_id, number, try) in (
    select a.subscription_id, a.number, a.try from attempt a join subscription s on s.id = a.subscription_id
    where s.instance_id = :instance_id limit :limit);

-- purge_deliveries --
delete from delivery where (subscription_id, number) in (
    select d.subscription_id, d.number from delivery d join subscription s on s.id = d.subscription_id
    where s.instance_id = :instance_id limit :limit);

-- purge_notifications --
delete from notification where number in (
    select number from notification where instance_id = :instance_id limit :limit);

-- purge_dictionaries --
delete from dictionary where lane_id in (
    select id from lane where instance_id = :instance_id limit :limit);

-- purge_notices --
delete from notice where id in (select id from notice where instance_id = :instance_id limit :limit);

-- purge_lanes --
delete from lane where id in (select id from lane where instance_id = :instance_id limit :limit);

-- purge_subscriptions --
delete from subscription where id in (select id from subscription where instance_id = :instance_id limit :limit);

-- purge_instance --
delete from instance where id = :instance_id;

-- add_lane --
insert into lane (kind, instance_id, key, state, due_at, fence, attempt, generation, cursor)
values (:kind, :instance_id, :key, 'ready', :due_at, 0, 0, :generation, x'');

-- ready_lane -- a lane that stays keeps its cursor; the fence moves on, so a running worker drops what it read
update lane set state = 'ready', due_at = :due_at, fence = fence + 1, owner = null, lease_until = null, attempt = 0,
       parked_reason = null, generation = :generation
where id = :id;

-- switch_lane_off --
update lane set state = 'off', fence = fence + 1, owner = null, lease_until = null where id = :id;

-- claim -- new work and work whose holder is gone, in one statement: there is no rescuer to forget
update lane set owner = :owner, fence = fence + 1, lease_until = :lease_until
where id in (select id from lane
             where kind = :kind and state = 'ready' and due_at <= :now and (lease_until is null or lease_until <= :now)
             order by due_at, id limit :limit)
returning id, kind, instance_id, key, state, due_at, fence, owner, lease_until, attempt, parked_reason, generation,
          cursor;

-- void_leases --
update lane set owner = null, lease_until = null where owner is not null;

-- next_due -- a leased lane can be claimed when its lease ends
select min(case when lease_until > due_at then lease_until else due_at end) as at
from lane where kind = :kind and state = 'ready';

-- lanes --
select id, kind, instance_id, key, state, due_at, fence, owner, lease_until, attempt, parked_reason, generation, cursor
from lane
where (:kind is null or kind = :kind) and (:instance_id is null or instance_id = :instance_id)
order by id;

-- hold_lane -- every write of a worker names the lease it holds: its fence, and that it was not given back
update lane set cursor = :cursor, lease_until = :lease_until, attempt = :attempt
where id = :id and fence = :fence and state = 'ready' and owner is not null;

-- renew_lane --
update lane set lease_until = :lease_until where id = :id and fence = :fence and state = 'ready' and owner is not null;

-- release_lane --
update lane set cursor = coalesce(:cursor, cursor), due_at = :due_at, attempt = :attempt, parked_reason = :reason,
       owner = null, lease_until = null
where id = :id and fence = :fence and state = 'ready' and owner is not null;

-- park_lane --
update lane set state = 'parked', parked_reason = :reason, cursor = coalesce(:cursor, cursor), owner = null,
       lease_until = null
where id = :id and fence = :fence and state = 'ready' and owner is not null;

-- park_lanes --
update lane set state = 'parked', parked_reason = :reason, fence = fence + 1, owner = null, lease_until = null
where kind = :kind and instance_id = :instance_id and state = 'ready';

-- wake_lanes -- a lane is made due, never put off
update lane set due_at = :now
where kind = :kind and instance_id = :instance_id and state = 'ready' and due_at > :now;

-- hashes -- what a page of unchanged records should hold; bounds as plain comparisons, so that it is one range scan
select raw_hash, stamp_at, record_id from record
where lane_id = :lane_id and record_id > coalesce(:after, -9223372036854775808)
  and record_id <= coalesce(:upto, x'') and gone = 0 and missing = 0 and generation = :generation
order by record_id limit :limit;

-- idle_lane -- a lane that nobody holds
select id, kind, instance_id, key, state, due_at, fence, owner, lease_until, attempt, parked_reason, generation, cursor
from lane where id = :id and state = 'ready' and owner is null;

-- amend_lane --
update lane set cursor = :cursor, due_at = :now, fence = fence + 1, owner = null, lease_until = null where id = :id;

-- live_ids -- what a page of ids should hold: integers sort before text; bounds as for hashes
select record_id from record
where lane_id = :lane_id and serial <= :serial
  and case when :hidden then missing < 0 or (gone = 1 and missing >= 2) else gone = 0 and missing >= 0 end
  and record_id > coalesce(:after, -9223372036854775808) and record_id <= coalesce(:upto, x'')
order by record_id;

-- live_count --
select count(*) as n from record where lane_id = :lane_id and gone = 0;

-- write_record --
insert into record (lane_id, record_id, raw_hash, stamp_at, rev, gone, missing, generation, serial)
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (lane_id, record_id) do update set raw_hash = excluded.raw_hash, stamp_at = excluded.stamp_at,
    rev = excluded.rev, gone = excluded.gone, missing = excluded.missing, generation = excluded.generation,
    serial = excluded.serial;

-- write_snapshot --
insert into snapshot (lane_id, record_id, body) values (?, ?, ?)
on conflict (lane_id, record_id) do update set body = excluded.body;

-- dictionary --
select body from dictionary where lane_id = :lane_id;

-- add_dictionary --
insert into dictionary (lane_id, body) values (:lane_id, :body);

-- take_sequences -- the row lock makes commit order sequence order, without gaps
update instance set last_sequence = last_sequence + :n where id = :instance_id returning last_sequence;

-- take_numbers --
update counter set value = value + :n where name = 'notification' returning value;

-- add_notification --
insert into notification (number, id, instance_id, resource, first_sequence, last_sequence, created_at, events, body)
values (:number, :id, :instance_id, :resource, :first_sequence, :last_sequence, :created_at, :events, :body);

-- log_after --
select number, id, instance_id, resource, created_at, events, body from notification
where instance_id = :instance_id and first_sequence > :sequence order by first_sequence limit :limit offset :skip;

-- log_before --
select number, id, instance_id, resource, created_at, events, body from notification
where instance_id = :instance_id and first_sequence < coalesce(:sequence, 9223372036854775807)
order by first_sequence desc limit :limit offset :skip;

-- notification --
select number, id, instance_id, resource, created_at, events, body from notification
where instance_id = :instance_id and id = :id;

-- set_cursor --
update lane set cursor = :cursor where id = :id;

-- numbered --
select number, id, instance_id, resource, created_at, events, body from notification where number = :number;

-- holds_lane --
select exists (select 1 from lane where id = :id and fence = :fence and state = 'ready' and owner is not null) as held;

-- is_queueing --
select exists (select 1 from delivery where subscription_id = :subscription_id and state = 'queued') as queueing;

-- waiting -- their bodies are read when they are sent
select d.state, d.attempt, d.due_at, n.number, n.id, n.resource, n.first_sequence, n.last_sequence, n.events
from delivery d join notification n on n.number = d.number
where d.subscription_id = :subscription_id and d.state = 'retry' order by d.number limit :limit;

-- write_delivery --
insert into delivery (subscription_id, number, state, attempt, due_at)
values (?, ?, ?, ?, ?)
on conflict (subscription_id, number) do update set state = excluded.state, attempt = excluded.attempt,
    due_at = excluded.due_at;

-- drop_delivery --
delete from delivery where subscription_id = ? and number = ?;

-- queue_deliveries --
update delivery set state = 'queued' where subscription_id = :subscription_id and state = 'retry';

-- write_attempt -- tries are numbered on, also when a subscription that was stopped begins its schedule anew
insert into attempt (subscription_id, number, try, at, status, error, retry_after, answer, took_for, replay_id)
values (?1, ?2, 1 + coalesce((select max(try) from attempt where subscription_id = ?1 and number = ?2), 0),
        ?3, ?4, ?5, ?6, ?7, ?8, ?9);

-- last_sequence --
select last_sequence from log where id = :instance_id;

-- deliveries_of --
select number, state from delivery where subscription_id = :subscription_id and number in (select value from json_each(:numbers));

-- attempts_of --
select number, try, at, status, error, retry_after, answer, took_for, replay_id from attempt
where subscription_id = :subscription_id and number in (select value from json_each(:numbers)) order by number, try;

-- open_notices -- notices: those of delivery lanes stand beside those of poll lanes
select id, account_id, instance_id, kind, subject, reason, opened_at, closed_at from notice
where closed_at is null order by id;

-- open_notice -- at most one is open for a subject, whoever looks
insert into notice (account_id, instance_id, kind, subject, reason, opened_at, told, tries, due_at)
select account_id, id, :kind, :subject, :reason, :now, :told, 0, :now from log
where id = :instance_id and deleted_at is null
on conflict do nothing
returning id, account_id, instance_id, kind, subject, reason, opened_at, closed_at;

-- close_notice -- an opening that was not acknowledged is still told first, with its own backoff
update notice set closed_at = :now, told = max(told, :told), tries = case when told = 1 then 0 else tries end,
       due_at = case when told = 1 then :now else due_at end
where id = :id and closed_at is null
returning id, account_id, instance_id, kind, subject, reason, opened_at, closed_at;

-- drop_notices --
delete from notice where id in (
    select id from notice where account_id = :account_id and closed_at < :before order by id limit :limit);

-- end_telling --
update notice set told = 1, tries = 0 where told = 0 and account_id = :account_id and opened_at < :before;

-- notices --
select id, account_id, instance_id, kind, subject, reason, opened_at, closed_at from notice
where account_id = :account_id and (:instance_id is null or instance_id = :instance_id)
  and (not :open_only or closed_at is null) and (:before is null or id < :before)
order by id desc limit :limit offset :skip;

-- untold --
select id, account_id, instance_id, kind, subject, reason, opened_at, closed_at, told, tries from notice
where told < 2 and due_at <= :now and (told = 0 or closed_at is not null) order by due_at, id limit :limit;

-- told -- what comes next is due at once
update notice set told = :told, tries = 0, due_at = 0 where id = :id and told < :told;

-- not_told --
update notice set tries = tries + 1, due_at = :due_at where id = :id and told = :told;

-- backlogs -- what lies beyond the offset and is still there, and before it what has failed or was in flight
select s.id, s.instance_id, s.active, s.offset, max(s.last_sequence - s.offset, 0) + coalesce(d.events, 0) as events,
       min(coalesce(d.oldest_at, 9223372036854775807), coalesce(case when s.last_sequence > s.offset then
           (select n.created_at from notification n where n.instance_id = s.instance_id and n.first_sequence > s.offset
            order by n.first_sequence limit 1) end, 9223372036854775807)) as oldest_at
from (select s.id, s.instance_id, s.active and s.stopped_at is null as active,
             coalesce(i.last_sequence, a.last_sequence) as last_sequence,
             max(coalesce(json_extract(nullif(cast(l.cursor as text), ''), '$.offset'), 0),
                 coalesce(i.dropped_sequence, a.dropped_sequence)) as offset
      from subscription s
      left join instance i on i.id = s.instance_id
      left join account a on a.id = -s.instance_id
      join lane l on l.instance_id = s.instance_id and l.kind = 'deliver' and l.key = cast(s.id as text)
      where s.deleted_at is null and i.deleted_at is null) s
left join (select d.subscription_id, sum(n.last_sequence - n.first_sequence + 1) as events,
                  min(n.created_at) as oldest_at
           from delivery d join notification n on n.number = d.number
           where d.state in ('retry', 'queued') group by d.subscription_id) d on d.subscription_id = s.id
order by s.id;
