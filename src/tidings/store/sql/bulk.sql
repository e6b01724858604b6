-- add_bulk -- jobs that move many rows
insert into bulk (account_id, user_id, instance_id, resource, direction, status, wanted, file, callback, request_id,
    schedule, created_at, parts, place, records, failed, tries)
values (:account_id, :user_id, :instance_id, :resource, :direction, 'CREATED', :wanted, :file, :callback, :request_id,
    :schedule, :now, :parts, :place, 0, 0, 0) returning id;

-- bulk --
select * from bulk where id = :id;

-- bulks --
select * from bulk
where instance_id = :instance_id and (:schedule is null or schedule = :schedule) and id < :before
order by id desc limit :limit;

-- write_bulk --
update bulk set status = :status, parts = :parts, place = :place, records = :records, failed = :failed, error = :error,
    tries = :tries, begun_at = :begun_at, ended_at = :ended_at
where id = :id;

-- add_bulk_error --
insert into bulk_error (bulk_id, number, said, status, provider_said)
values (:bulk_id, :number, :said, :status, :provider_said);

-- bulk_errors --
select number, said, status, provider_said from bulk_error
where bulk_id = :bulk_id and number > :after order by number limit :limit;

-- cancel_bulk -- a download that is finished is wanted no more; what an upload has done, it has done
update bulk set status = 'CANCELLED', ended_at = coalesce(ended_at, :now)
where id = :id and (status in ('CREATED', 'RUNNING') or (status = 'COMPLETED' and direction = 'DOWNLOAD'));

-- rouse_bulk_lane -- whoever holds it drops its work; what is left is to tell that it was cancelled
update lane set state = 'ready', due_at = :now, fence = fence + 1, owner = null, lease_until = null, attempt = 0
where instance_id = :instance_id and kind = 'bulk' and key = cast(:id as text);

-- drop_bulk_lane --
delete from lane where instance_id = :instance_id and kind = 'bulk' and key = cast(:id as text);

-- removable_bulks -- what is old, and what is of an instance that is gone: its files go with it
select b.* from bulk b left join instance i on i.id = b.instance_id
where b.created_at < :before or i.id is null or i.deleted_at is not null
order by b.created_at, b.id limit :limit;

-- drop_bulk_errors --
delete from bulk_error where bulk_id = :id;

-- drop_bulk --
delete from bulk where id = :id;

-- bulk_files --
select file from bulk;
