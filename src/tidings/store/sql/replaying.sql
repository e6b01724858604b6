-- place_named -- where notifications stand in a log; each is one step in an index
select number, first_sequence, last_sequence, created_at from notification where instance_id = :instance_id and id = :id;

-- place_before --
select number, first_sequence, last_sequence, created_at from notification
where instance_id = :instance_id and first_sequence <= :sequence order by first_sequence desc limit 1;

-- place_after --
select number, first_sequence, last_sequence, created_at from notification
where instance_id = :instance_id and first_sequence >= :sequence order by first_sequence limit 1;

-- count_log -- from the index alone
select count(*) as n from notification
where instance_id = :instance_id and first_sequence between :from_sequence and :to_sequence;
