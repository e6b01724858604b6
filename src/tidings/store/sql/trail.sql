-- add_entry -- the same moment and page commit is the same try
insert into trail (lane_id, at, serial, reading, since_at, date_at, page, rows, outside, ended, numbers, status, next_at,
                   failure, seen)
values (:lane_id, :at, :serial, :reading, :since_at, :date_at, :page, :rows, :outside, :ended, :numbers, :status, :next_at,
        :failure, :seen)
on conflict (lane_id, at, serial) do update set reading = excluded.reading, since_at = excluded.since_at,
    date_at = excluded.date_at, page = excluded.page, rows = excluded.rows, outside = excluded.outside,
    ended = excluded.ended, numbers = excluded.numbers, status = excluded.status, next_at = excluded.next_at,
    failure = excluded.failure, seen = excluded.seen;

-- trail --
select at, serial, reading, since_at, date_at, page, rows, outside, ended, numbers, status, next_at, failure, seen
from trail
where lane_id = :lane_id and at >= :from_at and at <= :to_at and (at, serial) > (:after_at, :after_serial)
order by at, serial limit :limit;

-- trail_since --
select min(at) as at from trail where lane_id = :lane_id;

-- purge_old_trail -- a seek for each lane: there is no other index to keep up to date
delete from trail where (lane_id, at, serial) in (
    select t.lane_id, t.at, t.serial from lane l cross join trail t on t.lane_id = l.id
    where t.at < :before limit :limit);

-- purge_trail --
delete from trail where (lane_id, at, serial) in (
    select t.lane_id, t.at, t.serial from lane l cross join trail t on t.lane_id = l.id
    where l.instance_id = :instance_id limit :limit);

-- notifications_numbered --
select number, id, instance_id, resource, created_at, events, body from notification
where instance_id = :instance_id and number in (select value from json_each(:numbers)) order by number;
