"""Bulk jobs: what they read and write, their files, pages and errors; the API over a real store and a sandbox."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import pytest_asyncio

from tests.api.bulked import BOUNDARY, Bulk, form
from tests.api.conftest import NOW, World, body
from tests.api.hubbed import hubbed
from tests.api.test_errors import assert_error
from tidings.api.body_cap import LARGEST, LARGEST_UPLOAD
from tidings.core.bulk import BulkStatus
from tidings.core.signing import platform_signature
from tidings.engine.bulkcleaning import DAY, BulkCleaner

KEY = "event.notification.signature.key"
URL = "https://app.example/done"
#: All of a status (spec platform.md 8.1) while the job is not over; `instance_id` is as in the answer to its start.
STATUS = {
    *("id", "status", "recordsCount", "recordsFailedCount", "instanceId", "instance_id", "object_name"),
    *("job_direction", "bulk_start_time", "fileFormat", "fileSize", "metadata", "vendorJobId", "infoMessage"),
    *("requestId", "error"),
}


@pytest_asyncio.fixture
async def bulk(world: World) -> AsyncIterator[Bulk]:
    async with hubbed(world, **{KEY: "canary-key"}) as served:
        yield Bulk(world, served)


async def test_a_job_is_created_runs_and_is_completed(bulk: Bulk) -> None:
    answer = await bulk.hub("POST", "/hubs/crm/bulk/query?q=select * from contacts")
    instance = bulk.hub.instance["id"]
    made = answer.json["id"]
    assert answer.json == {"id": made, "status": "CREATED", "instanceId": instance, "instance_id": instance}
    before = await bulk.of(made)
    assert set(before) == STATUS
    assert (before["status"], before["recordsCount"]) == ("CREATED", 0)
    assert before["requestId"] == answer.headers["elements-request-id"]
    assert_error(await bulk.file(made), 409)
    await bulk.work()
    after = await bulk.of(made)
    assert set(after) == STATUS | {"bulk_finish_time"}
    told = {name: after[name] for name in ("status", "recordsCount", "recordsFailedCount", "job_direction", "error")}
    assert told == {
        "status": "COMPLETED",
        "recordsCount": 60,
        "recordsFailedCount": 0,
        "job_direction": "DOWNLOAD",
        "error": None,
    }
    assert after["fileSize"] > 1000
    assert (after["object_name"], after["fileFormat"], after["instanceId"]) == ("contacts", "json", instance)


@pytest.mark.parametrize(
    ("query", "list_path"),
    [
        ("select * from contacts", "/contacts"),
        ("select * from contacts where lastName like 'M%25'", "/contacts?where=lastName like 'M%25'"),
        ("select * from incidents where id > 5 order by id desc", "/incidents?where=id > 5&orderBy=id desc"),
        ("select * from company/contacts limit 7", "/company/contacts?pageSize=7"),
        ("select id, company.id from contacts limit 3", "/contacts?fields=id,company.id&pageSize=3"),
        ("select * from contacts where email is not null", "/contacts?where=email is not null"),
    ],
)
async def test_a_download_equals_the_list_of_the_hub(bulk: Bulk, query: str, list_path: str) -> None:
    made = await bulk.done(query)
    name = query.partition(" from ")[2].split()[0]
    listed = await bulk.hub.get(list_path)
    assert (await bulk.of(made))["recordsCount"] == len(listed) > 0
    assert await bulk.rows(made, name) == listed
    answer = await bulk.file(made, name, "text/csv")
    assert [row["id"] for row in csv.DictReader(answer.body.decode().splitlines())] == [str(r["id"]) for r in listed]


async def test_json_is_a_line_for_each_row_and_a_single_one_is_a_document(bulk: Bulk) -> None:
    made = await bulk.done("select * from contacts limit 3")
    answer = await bulk.file(made)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="contacts.json"'
    assert answer.headers["elements-returned-count"] == "3"
    assert answer.body.count(b"\n") == 2
    assert (await bulk.file(made, accept="application/jsonl")).headers["content-type"] == "application/jsonl"
    one = await bulk.done("select * from contacts limit 1")
    path = f"/bulk/{one}/contacts?json={json.dumps({'convertToNativeType': 'false'})}"
    assert (await bulk.hub("GET", path)).json["id"] == (await bulk.hub.get("/contacts?pageSize=1"))[0]["id"]
    none = await bulk.done("select * from contacts where id = 0")
    assert ((await bulk.file(none)).body, (await bulk.of(none))["recordsCount"]) == (b"", 0)


async def test_csv_has_a_header_line_commas_and_an_end_to_each_line(bulk: Bulk) -> None:
    made = await bulk.done("select id, firstName, company.name from contacts limit 2")
    answer = await bulk.file(made, accept="text/csv")
    assert answer.headers["content-type"] == "text/csv"
    lines = answer.body.decode().split("\n")
    assert (lines[0], lines[-1], len(lines)) == ("id,firstName,company.name", "", 4)
    whole = await bulk.done("select * from contacts")
    (header, *_) = csv.reader((await bulk.file(whole, accept="text/csv")).body.decode().splitlines())
    assert {"id", "firstName", "company.id", "_info.lastUpdated", "customFields"} & set(header) >= {
        "id",
        "company.id",
        "_info.lastUpdated",
    }


async def test_an_answer_that_the_caller_does_not_take_is_not_sent(bulk: Bulk) -> None:
    made = await bulk.done("select * from contacts limit 1")
    assert_error(await bulk.file(made, accept="image/png"), 406)


async def test_the_rows_are_read_by_pages_too(bulk: Bulk) -> None:
    made = await bulk.done("select * from contacts limit 5")
    all_rows, token, sizes = list[Any](), "", list[int]()
    while True:
        answer = await bulk.hub("GET", f"/hubs/crm/bulk/{made}/contacts/data?pageSize=2&nextPage={token}")
        all_rows += answer.json
        sizes.append(int(answer.headers["elements-returned-count"]))
        if (token := answer.headers.get("elements-next-page-token", "")) == "":
            break
    assert (sizes, all_rows) == ([2, 2, 1], await bulk.rows(made))
    whole = await bulk.hub("GET", f"/bulk/{made}/contacts/data?pageSize=9000")
    assert len(whole.json) == 5
    assert "5000" in whole.headers["elements-error"]
    for bad in ("x", "bnVsbA==", "eyJwYXJ0Ijo5LCJvZmZzZXQiOjAsInNraXAiOjB9"):
        assert_error(await bulk.hub("GET", f"/bulk/{made}/contacts/data?nextPage={bad}"), 400)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from nothing", "objectName"),
        ("select * from contacts where", "column 29"),
        ("select * from contacts where id ? 5", "column 33"),
        ("update contacts", "column 1"),
        ("select * from contacts where id = 5 limit 0", "column 43"),
        ("select *", "column 9"),
        ("select * from contacts order by id sideways", "orderBy"),
        ("select * from contacts/7", "objectName"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_by_place(bulk: Bulk, query: str, said: str) -> None:
    answer = await bulk.hub("POST", f"/bulk/query?q={query}")
    assert_error(answer, 400)
    assert said in answer.message
    assert await bulk.work() == 0


async def test_only_what_was_changed_since_is_read(bulk: Bulk) -> None:
    contacts = await bulk.hub.get("/contacts")
    stamps = sorted(each["_info"]["lastUpdated"] for each in contacts)
    since, until = stamps[20], stamps[40]
    expected = [each["id"] for each in contacts if since <= each["_info"]["lastUpdated"] <= until]
    made = await bulk.done("select * from contacts where id > 0", f"&from={since}&to={until}")
    assert [row["id"] for row in await bulk.rows(made)] == expected
    last = await bulk.done("select * from contacts", f"&lastRunDate={since}")
    assert len(await bulk.rows(last)) == sum(stamp >= since for stamp in stamps)
    assert_error(await bulk.hub("POST", "/bulk/query?q=select * from contacts&from=yesterday"), 400)


async def test_nulls_are_left_out_as_the_hub_leaves_them_out_or_as_is_asked(bulk: Bulk) -> None:
    sent = {"objectName": "incidents", "format": "csv", "selectFields": ["id", "summary"], "limit": 2}
    answer = await bulk.hub("POST", "/bulk/download", sent)
    await bulk.work()
    assert (await bulk.of(answer.json["id"]))["fileFormat"] == "csv"
    csv_answer = await bulk.hub("GET", f"/bulk/{answer.json['id']}/incidents")
    assert csv_answer.body.startswith(b"id,summary\n")
    kept = await bulk.hub("POST", "/bulk/download", {"objectName": "contacts", "format": "json", "filterNulls": False})
    await bulk.work()
    text = (await bulk.file(kept.json["id"])).body
    dropped = (await bulk.file(await bulk.done("select * from contacts"))).body
    assert b":null" not in dropped
    assert len(text) >= len(dropped)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"format": "json"}, "objectName"),
        ({"objectName": "contacts"}, "format"),
        ({"objectName": "contacts", "format": "xml"}, "format"),
        ({"objectName": "contacts", "format": "csv", "limit": 0}, "limit"),
        ({"objectName": "contacts", "format": "csv", "where": "id =="}, "where"),
        ({"objectName": "contacts", "format": "csv", "query": "select * from incidents"}, "objectName"),
        ({"objectName": "contacts", "format": "csv", "continueFromJobId": 77}, "continueFromJobId"),
        ({"objectName": "contacts", "format": "csv", "notificationUrl": "ftp://x"}, "Callback"),
    ],
)
async def test_a_download_that_makes_no_sense_is_refused_by_name(bulk: Bulk, sent: object, said: str) -> None:
    answer = await bulk.hub("POST", "/bulk/download", sent)
    assert_error(answer, 400)
    assert said in answer.message


async def test_a_job_is_cancelled_at_once_before_it_has_run_and_after(bulk: Bulk) -> None:
    made = await bulk.start("select * from contacts")
    answer = await bulk.hub("PUT", f"/hubs/crm/bulk/{made}/cancel")
    assert (answer.status, answer.json["status"]) == (200, "CANCELLED")
    await bulk.work()
    assert (await bulk.of(made))["status"] == "CANCELLED"
    assert (await bulk.file(made)).status == 200
    done = await bulk.done("select * from contacts")
    await bulk.hub("PUT", f"/bulk/{done}/cancel")
    assert (await bulk.of(done))["status"] == "CANCELLED"


async def test_a_callback_is_told_signed_until_it_has_it(bulk: Bulk) -> None:
    made = await bulk.start("select * from contacts", Elements_Async_Callback_Url=URL)
    bulk.status = 503
    await bulk.work()
    bulk.status = 200
    bulk.world.clock[0] += 4000
    await bulk.work()
    bulk.world.clock[0] += 10**9
    assert await bulk.work() == 0
    (_, _, first), (url, headers, again) = bulk.posted
    assert (url, first) == (URL, again)
    assert headers["Elements-Webhook-Signature"] == platform_signature("canary-key", again)
    assert orjson.loads(again) == {
        "id": made,
        "status": "COMPLETED",
        "recordsCount": 60,
        "recordsFailedCount": 0,
        "fileFormat": "json",
        "error": None,
    }


async def test_a_callback_may_be_a_path_of_this_api_and_its_words_come_back(bulk: Bulk) -> None:
    meta = json.dumps({"fileName": "a.json", "callback-payload": '{"mine":1}'})
    raw = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="metaData"\r\n\r\n{meta}\r\n--{BOUNDARY}--\r\n'
    sent = {"Content_Type": f"multipart/form-data; boundary={BOUNDARY}"}
    path = "/bulk/query?q=select * from contacts"
    callback = {"Elements_Async_Callback_Url": "/elements/api-v2/ping"}
    answer = await bulk.hub.hub("POST", path, raw=raw.encode(), **sent, **callback)
    assert (await bulk.of(answer.json["id"]))["metadata"] == json.loads(meta)
    await bulk.work()
    calls = await bulk.world.client("GET", "/usage")
    assert bulk.posted == []
    assert calls.status in (200, 404)
    for bad in ("//evil.example/", "http://127.0.0.1:9/\n", "nonsense"):
        answer = await bulk.hub.hub("POST", path, Elements_Async_Callback_Url=bad.replace("\n", " x"))
        assert_error(answer, 400)


async def test_the_instances_own_callback_is_told_where_no_other_is_named(world: World) -> None:
    async with hubbed(world, **{"event.notification.callback.url": URL}) as served:
        bulk = Bulk(world, served)
        await bulk.done("select * from contacts limit 1")
        assert [url for url, _, _ in bulk.posted] == [URL]


async def test_of_an_upload_the_bad_rows_are_kept_and_the_others_go_on(bulk: Bulk) -> None:
    before = len(bulk.hub.stored("company/contacts"))
    bad = (7, 50, 100)
    rows = [{"firstName": "" if n in bad else f"Bulk{n}", "lastName": "Row"} for n in range(1, 101)]
    content = "\n".join(
        "firstName,lastName,company.id" if n == 0 else f"{row['firstName']},Row,{'999999' if n in bad else ''}"
        for n, row in enumerate([{}, *rows])
    )
    answer = await bulk.upload("contacts", content.encode())
    assert answer.json["status"] == "CREATED"
    await bulk.work()
    status = await bulk.of(answer.json["id"])
    assert (status["status"], status["recordsCount"], status["recordsFailedCount"]) == ("COMPLETED", 100, 3)
    assert (status["job_direction"], status["fileFormat"]) == ("UPLOAD", "csv")
    errors = await bulk.hub.get(f"/hubs/crm/bulk/{answer.json['id']}/errors")
    assert [error["row"] for error in errors] == list(bad)
    assert all(error["status"] == 400 and error["message"] and error["providerMessage"] for error in errors)
    assert len(bulk.hub.stored("company/contacts")) == before + 97
    assert_error(await bulk.file(answer.json["id"]), 400)


async def test_errors_are_paged_and_the_last_page_has_no_token(bulk: Bulk) -> None:
    answer = await bulk.upload("contacts", b"\n".join([b"[1]"] * 37), {"format": "json"})
    await bulk.work()
    path = f"/hubs/crm/bulk/{answer.json['id']}/errors?pageSize=30"
    first = await bulk.hub("GET", path)
    assert (first.headers["elements-returned-count"], len(first.json)) == ("30", 30)
    last = await bulk.hub("GET", f"{path}&nextPage={first.headers['elements-next-page-token']}")
    assert (last.headers["elements-returned-count"], len(last.json)) == ("7", 7)
    assert "elements-next-page-token" not in last.headers
    assert [error["row"] for error in first.json + last.json] == list(range(1, 38))
    assert len(await bulk.hub.get(f"/bulk/{answer.json['id']}/errors")) == 37
    for bad in ("x", "LTE=", "e30="):
        assert_error(await bulk.hub("GET", f"/bulk/{answer.json['id']}/errors?nextPage={bad}"), 400)


@pytest.mark.parametrize(
    ("content", "file_name", "kind"),
    [
        (b'[{"firstName":"A"},{"firstName":"B"}]', "rows.json", "application/octet-stream"),
        (b'{"firstName":"A"}\n\n{"firstName":"B"}\n', "rows", "application/json"),
        (b"\xef\xbb\xbffirstName\r\nA\r\nB\r\n", "rows.csv", "text/csv"),
    ],
)
async def test_rows_are_csv_a_list_or_an_object_a_line(bulk: Bulk, content: bytes, file_name: str, kind: str) -> None:
    answer = await bulk.upload("contacts", content, None, file_name, kind)
    await bulk.work()
    status = await bulk.of(answer.json["id"])
    assert (status["status"], status["recordsCount"], status["recordsFailedCount"]) == ("COMPLETED", 2, 0)
    assert {"A", "B"} <= {record["firstName"] for record in bulk.hub.stored("company/contacts")}


@pytest.mark.parametrize(
    ("name", "content", "meta", "said"),
    [
        ("nothing", b"a\n1\n", None, "objectName"),
        ("contacts", b"", None, "file"),
        ("contacts", b"a,a\n1,2\n", None, "header"),
        ("contacts", b"a\n\xff\n", None, "UTF-8"),
        ("contacts", b"firstName\n", None, "no rows"),
        ("contacts", b"[1", {"format": "json"}, "JSON"),
        ("contacts", b"a\n1\n", {"format": "xml"}, "metaData.format"),
        ("contacts", b"a\n1\n", {"identifierFieldName": "id"}, "upsert"),
        ("contacts", b"a\n1\n", {"action": "delete"}, "delete"),
        ("contacts", b"a\n1\n", [1], "metaData"),
    ],
)
async def test_an_upload_that_makes_no_sense_is_refused(
    bulk: Bulk, name: str, content: bytes, meta: object, said: str
) -> None:
    answer = await bulk.upload(name, content, meta)
    assert_error(answer, 400)
    assert said in answer.message
    assert await bulk.work() == 0


async def test_a_body_that_is_no_form_or_too_large_is_refused(bulk: Bulk) -> None:
    assert_error(await bulk.hub("POST", "/bulk/contacts", {"a": 1}), 415)
    for kind in ("multipart/form-data", f"multipart/form-data; boundary={BOUNDARY}"):
        assert_error(await bulk.hub.hub("POST", "/bulk/contacts", raw=b"junk", Content_Type=kind), 400)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    wide = form(b"firstName\n" + b"x" * (LARGEST + 1))
    assert (await bulk.hub.hub("POST", "/bulk/contacts", raw=wide, Content_Type=kind)).status == 200
    huge = form(b"x" * (LARGEST_UPLOAD + 1))
    assert_error(await bulk.hub.hub("POST", "/bulk/contacts", raw=huge, Content_Type=kind), 413)


async def test_the_jobs_of_the_instance_are_listed_and_filtered(bulk: Bulk) -> None:
    first, second = await bulk.done("select * from contacts"), await bulk.start("select * from incidents")
    rows = await bulk.hub.get("/bulk/jobs")
    assert [row["id"] for row in rows] == [second, first]
    assert set(rows[0]) == {
        *("id", "instanceId", "object_name", "job_query", "status", "job_direction", "record_count", "error_count"),
        *("completion_time", "createdDate", "notification_url", "fileFormat"),
    }
    assert rows[0]["createdDate"] == NOW
    for wanted in ("object_name=contacts", "job_status=COMPLETED", "record_count=60"):
        assert [row["id"] for row in await bulk.hub.get(f"/hubs/crm/bulk/jobs?{wanted}")] == [first]
    assert await bulk.hub.get("/bulk/jobs?job_direction=UPLOAD") == []


async def test_a_workflow_is_listed_newest_first_by_its_id(bulk: Bulk) -> None:
    await bulk.done("select * from incidents")
    made = (await bulk.hub("POST", "/hubs/crm/bulk/workflows", [{"query": "select * from contacts"}])).json
    assert made["status"] == "CREATED"
    await bulk.work()
    (row,) = await bulk.hub.get("/bulkloader?pageSize=1")
    assert (row["groupName"], row["status"]) == (made["id"], "COMPLETED")
    bodies: list[Any] = [[], {}, [{}, {}], {"query": "x"}]
    for bad in (*bodies, {"query": "select * from contacts", "targetConfiguration": {"a": 1}}):
        assert_error(await bulk.hub("POST", "/bulk/workflows", bad), 400)


async def test_a_schedule_starts_a_job_whenever_it_is_due(bulk: Bulk) -> None:
    path = "/hubs/crm/bulk/workflows"
    scheduled = await bulk.hub.hub(
        "POST", path, {"query": "select * from contacts"}, Elements_Schedule_Request="0 * * * * ?"
    )
    job_id = scheduled.json["id"]
    assert (scheduled.json, job_id != "") == ({"id": job_id}, True)
    assert await bulk.hub.get(f"/bulkloader?jobId={job_id}") == []
    for _ in range(2):
        bulk.world.clock[0] += 60_000
        await bulk.make_scheduled()
        await bulk.work()
    found = await bulk.hub.get(f"/bulkloader?jobId={job_id}")
    assert [row["status"] for row in found] == ["COMPLETED", "COMPLETED"]
    assert await bulk.hub.get("/bulkloader?jobId=999") == []
    listed = await bulk.world.client("GET", f"/jobs/{job_id}")
    assert listed.json["uri"] == path
    refused = await bulk.hub.hub("POST", "/bulk/query?q=select * from contacts", Elements_Schedule_Request="often")
    assert_error(refused, 400)


async def test_a_job_goes_on_where_another_was_broken_off(bulk: Bulk) -> None:
    listed = await bulk.hub("GET", "/contacts?pageSize=20")
    broken = await bulk.start("select * from contacts")
    job, lane = await bulk.world.store.bulk(int(broken)), await bulk.claim()
    assert job is not None
    assert lane is not None
    place = listed.headers["elements-next-page-token"]
    over = replace(job, status=BulkStatus.ABORTED, place=place, error="down")
    await bulk.world.store.commit_bulk(lane, over, release=False)
    await bulk.world.store.end_bulk(lane)
    done = await bulk.done("select * from contacts", f"&continueFromJobId={broken}")
    assert await bulk.rows(done) == (await bulk.hub.get("/contacts"))[20:]
    for former, name in ((done, "contacts"), (broken, "incidents"), ("x", "contacts")):
        answer = await bulk.hub("POST", f"/bulk/query?q=select * from {name}&continueFromJobId={former}")
        assert_error(answer, 400)


@pytest.mark.parametrize("path", ["status", "errors", "contacts", "contacts/data"])
@pytest.mark.parametrize("bulk_id", ["999", "x", "9" * 30, "-1"])
async def test_a_job_that_is_not_there_is_not_found(bulk: Bulk, path: str, bulk_id: str) -> None:
    assert_error(await bulk.hub("GET", f"/hubs/crm/bulk/{bulk_id}/{path}"), 404)


async def test_a_job_of_another_instance_is_not_found(bulk: Bulk) -> None:
    made = await bulk.done("select * from contacts")
    keys = {"baseUrl": bulk.hub.sandbox.api, "public.key": "sandbox-public", "private.key": "sandbox-private"}
    other = await bulk.hub.client("POST", "/instances", body(name="Other", configuration=keys))
    theirs = bulk.hub.client.with_element(other.json["token"])
    for method, path in (("GET", "status"), ("GET", "contacts"), ("PUT", "cancel"), ("GET", "errors")):
        assert_error(await theirs(method, f"/bulk/{made}/{path}"), 404)
    assert_error(await bulk.file(made, "incidents"), 404)
    assert (await theirs("GET", "/bulk/jobs")).json == []


async def test_of_a_disabled_instance_no_job_is_started_and_none_goes_on(bulk: Bulk) -> None:
    made = await bulk.start("select * from contacts")
    assert (await bulk.hub.client("PUT", f"/instances/{bulk.hub.instance['id']}/enabled")).status == 200
    await bulk.hub.client("DELETE", f"/instances/{bulk.hub.instance['id']}/enabled")
    await bulk.work()
    status = await bulk.of(made)
    assert (status["status"], "disabled" in status["error"]) == ("ABORTED", True)
    assert_error(await bulk.hub("POST", "/bulk/query?q=select * from contacts"), 403)


async def test_what_the_provider_refuses_ends_a_download_with_its_reason(bulk: Bulk) -> None:
    made = await bulk.done("select * from finance/nothing")
    status = await bulk.of(made)
    assert status["status"] == "ABORTED"
    assert status["error"]


async def test_files_go_when_they_are_old_and_with_their_instance(bulk: Bulk) -> None:
    old = await bulk.done("select * from contacts")
    cleaner = BulkCleaner(
        bulk.world.store, bulk.world.parts.files, days=7, clock=lambda: bulk.world.clock[0], log=bulk.log
    )
    bulk.world.clock[0] += 6 * DAY
    new = await bulk.done("select * from contacts")
    bulk.world.clock[0] += DAY + 1
    await cleaner.look()
    assert_error(await bulk.hub("GET", f"/bulk/{old}/status"), 404)
    assert (await bulk.file(new)).status == 200
    assert len(bulk.world.parts.files.names()) == 1
    await bulk.hub.client("DELETE", f"/instances/{bulk.hub.instance['id']}")
    await cleaner.look()
    assert bulk.world.parts.files.names() == frozenset()


async def test_rows_are_sealed_on_the_disk(bulk: Bulk, tmp_path: Any) -> None:
    await bulk.done("select * from contacts")
    (file,) = (tmp_path / "bulk").iterdir()
    assert (file.stat().st_mode & 0o777, (tmp_path / "bulk").stat().st_mode & 0o777) == (0o600, 0o700)
    assert b"firstName" not in file.read_bytes()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    (job,) = await bulk.world.store.bulks(bulk.hub.instance["id"])
    assert_error(await bulk.file(str(job.id)), 400)
