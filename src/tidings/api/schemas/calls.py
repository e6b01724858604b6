"""How are jobs, bulk jobs and what was called answered?"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from tidings.api.schemas.instances import LaneOfJob
from tidings.api.schemas.shape import Shape, may_miss


class PollTrigger(Shape):
    interval: str
    cron: str = may_miss("Where a cron expression can say it.")


class CronTrigger(Shape):
    cron: str


class PollerJob(Shape):
    """The polling of an instance."""

    id: str
    name: str
    description: str
    method: str
    uri: str
    elementInstanceId: int
    createdDate: str
    trigger: PollTrigger
    nextRunDate: str | None
    resources: list[LaneOfJob]


class ScheduledJob(Shape):
    """A call of the API that somebody has scheduled; what is called like a secret is masked."""

    id: str
    name: str
    description: str | None
    method: str
    uri: str
    query: str | None
    headers: dict[str, Any]
    body: Any
    elementInstanceId: int | None
    userId: int
    createdDate: str
    trigger: CronTrigger
    nextRunDate: str | None
    lastRunDate: str | None
    lastRunStatus: int | None
    lastRunMessage: str | None
    runs: int
    active: bool


class UsageRecord(Shape):
    """One call of the API."""

    traffic_id: str
    request_id: str
    traffic_date: str
    request_status: Literal["SUCCESS", "FAILED"]
    response_status: int
    request_method: str
    request_uri: str
    request_ip: str
    process_time: int = Field(description="Milliseconds.")
    element_api: str
    element_key: str | None
    element_name: str | None
    instance_id: int | None
    user_id: int
    account_id: int
    company_id: int
    company_external_id: str
    company_external_name: str


class CallTimes(Shape):
    timestamp: str
    count: int
    min: int
    max: int
    avg: float


class CallStatuses(Shape):
    timestamp: str
    count: int
    failed: int
    success: int


class CountedCalls(Shape):
    timestamp: str
    count: int


class CountedByElement(Shape):
    """Beside these, a member for each element with how many calls were about its instances."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": {"type": "integer"}})

    timestamp: str
    count: int


class CallsOfInstance(Shape):
    instanceId: int
    instanceName: str | None
    elementKey: str | None
    count: int
    success: int
    failed: int


class UsageByInstance(Shape):
    usage: list[CallsOfInstance]


class CreatedCount(Shape):
    instancesCreatedCount: int


BulkStatus = Literal["CREATED", "RUNNING", "COMPLETED", "CANCELLED", "ABORTED"]


class BulkBegun(Shape):
    id: str
    status: BulkStatus
    instanceId: int
    instance_id: int


class BulkScheduled(Shape):
    """With Elements-Schedule-Request: the job that starts it."""

    id: str


class BulkMetadata(Shape):
    fileName: str = may_miss()
    callback_payload: str = may_miss(alias="callback-payload")


class BulkJob(Shape):
    """How far a bulk job is."""

    id: str
    status: BulkStatus
    recordsCount: int
    recordsFailedCount: int
    instanceId: int
    instance_id: int
    object_name: str
    job_direction: Literal["UPLOAD", "DOWNLOAD"]
    bulk_start_time: str
    bulk_finish_time: str = may_miss("When it is over.")
    fileFormat: str | None
    fileSize: int
    metadata: BulkMetadata
    vendorJobId: None
    infoMessage: str | None
    requestId: str
    error: str | None


class BulkListed(Shape):
    id: str
    instanceId: int
    object_name: str
    job_query: str | None
    status: BulkStatus
    job_direction: Literal["UPLOAD", "DOWNLOAD"]
    record_count: int
    error_count: int
    completion_time: str | None
    createdDate: int
    notification_url: str | None
    fileFormat: str | None


class BulkLoaded(Shape):
    groupName: str
    status: BulkStatus
    instanceId: int
    objectName: str
    recordsCount: int
    createdDate: int
    jobId: str = may_miss("The schedule that was asked for.")


class BulkError(Shape):
    """A row of an upload that is not at the provider, counted from 1."""

    row: int
    message: str
    status: int = may_miss("The provider's, where it was asked.")
    providerMessage: str = may_miss()


class Health(Shape):
    status: str
