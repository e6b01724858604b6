-- receiving -- what providers send: is there such an instance, and has it got this before?
select exists (select 1 from instance where id = :instance_id and deleted_at is null) as there,
       exists (select 1 from notification where instance_id = :instance_id and id = :known_id) as known;

-- configurations --
select id, configuration from instance where element_key = :element_key and deleted_at is null order by id;

-- mentioning --
select number from notification
where instance_id = :instance_id and number >= :first and number < :end and resource = :resource
  and events like :sought escape '!'
order by number limit :limit;
