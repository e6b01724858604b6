-- add_errand -- calls of the API that are made for somebody
insert into errand (account_id, user_id, instance_id, name, description, cron, callback, asked, created_at, runs, tries)
values (:account_id, :user_id, :instance_id, :name, :description, :cron, :callback, :asked, :now, 0, 0) returning id;

-- errand --
select id, account_id, user_id, instance_id, name, description, cron, callback, asked, created_at, begun_at, ended_at,
       status, said, runs, tries, answer
from errand where id = :id;

-- errands --
select id, account_id, user_id, instance_id, name, description, cron, callback, asked, created_at, begun_at, ended_at,
       status, said, runs, tries, answer
from errand where account_id = :account_id and cron is not null order by id;

-- count_errands --
select count(*) as n from errand where account_id = :account_id;

-- drop_errand --
delete from errand where id = :id;

-- drop_errand_lane -- whoever holds it cannot write any more
delete from lane where instance_id = :log_id and kind = 'errand' and key = cast(:id as text);

-- errands_of_user -- jobs go with their owner (spec platform.md 4.7)
select id, account_id from errand where user_id = :user_id;

-- errands_of_account --
select id, account_id from errand where account_id = :account_id;

-- begin_errand --
update errand set begun_at = :now, ended_at = null where id = :id;

-- end_errand --
update errand set ended_at = :now, status = :status, said = :said, runs = runs + 1 where id = :id;

-- answer_errand --
update errand set ended_at = :now, status = :status, said = :said, runs = runs + 1, answer = :answer where id = :id;

-- retry_errand --
update errand set tries = tries + 1 where id = :id;
