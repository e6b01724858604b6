-- last_number -- counting: how much happened when
select value from counter where name = 'notification';

-- logged_from --
select number, created_at from notification where number >= :number order by number limit 1;

-- tally -- a range of one index; bodies are not read
select created_at - created_at % :span_for as bucket_at, sum(last_sequence - first_sequence + 1) as events,
       0 as success, 0 as failed
from notification
where instance_id = :instance_id and number >= :first and number < :end and created_at between :from_at and :to_at
group by bucket_at order by bucket_at;

-- tally_outcomes -- a delivery row that was tried, or waits for a person, is one that failed so far
select bucket_at, sum(events) as events, sum(case when taken and not open then events else 0 end) as success,
       sum(case when open then events else 0 end) as failed
from (select n.created_at - n.created_at % :span_for as bucket_at, n.last_sequence - n.first_sequence + 1 as events,
             exists (select 1 from subscription s
                     join delivery d on d.subscription_id = s.id and d.number = n.number
                     where s.instance_id = :instance_id and s.deleted_at is null
                       and (d.attempt > 0 or d.state = 'queued')) as open,
             exists (select 1 from subscription s
                     join attempt a on a.subscription_id = s.id and a.number = n.number
                     where s.instance_id = :instance_id and a.status between 200 and 299) as taken
      from notification n
      where n.instance_id = :instance_id and n.number >= :first and n.number < :end
        and n.created_at between :from_at and :to_at)
group by bucket_at order by bucket_at;
