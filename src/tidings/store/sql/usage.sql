-- add_usage -- the calls of the API that are kept
insert into usage (request_id, account_id, user_id, organization_id, at, took_for, method, path, operation, status,
                   address, element_key, instance_id)
values (:request_id, :account_id, :user_id, :organization_id, :at, :took_for, :method, :path, :operation, :status,
        :address, :element_key, :instance_id);

-- usage_of_request -- two processes may draw one id; the newer call is meant
select number, request_id, account_id, user_id, organization_id, at, took_for, method, path, operation, status, address,
       element_key, instance_id
from usage where request_id = :request_id and account_id = :account_id order by number desc limit 1;

-- usages -- newest first, in the order of an index; a list of JSON stands for all that are wanted
select number, request_id, account_id, user_id, organization_id, at, took_for, method, path, operation, status, address,
       element_key, instance_id
from usage
where account_id = :account_id and at >= :from_at and at <= :to_at and (at, number) < (:after_at, :after_number)
  and (:element_keys is null or element_key in (select value from json_each(:element_keys)))
  and (:instance_ids is null or instance_id in (select value from json_each(:instance_ids)))
  and (:ok is null or (status < 400) = :ok)
  and (:text is null or lower(path || ' ' || operation || ' ' || coalesce(element_key, '') || ' ' || request_id)
       like :text escape '\')
order by at desc, number desc limit :limit offset :skip;

-- tally_usage --
select at - at % :span_for as bucket_at, element_key, case when :by_instance then instance_id end as instance_id,
       count(*) as calls, sum(case when status < 400 then 1 else 0 end) as success, min(took_for) as shortest_for,
       max(took_for) as longest_for, sum(took_for) as total_for
from usage
where account_id = :account_id and at >= :from_at and at <= :to_at
  and (:element_keys is null or element_key in (select value from json_each(:element_keys)))
  and (:instance_ids is null or instance_id in (select value from json_each(:instance_ids)))
group by 1, 2, 3 order by 1, 2, 3;

-- purge_usage -- what was kept first is what is oldest, but for a clock that was set back
delete from usage
where at < :before and number in (select number from usage order by number limit :limit);
