"""The resources around hours and appointments (spec connectwise.md 2.7)."""

from tidings.sandbox.describe import BILLING, Resource, fields

TIME_ENTRY = Resource(
    path="time/entries",
    name="TimeEntry",
    fields=fields(
        f"""
        company ref:company/companies
        companyType str
        chargeToId int
        chargeToType enum:ServiceTicket|ProjectTicket|ChargeCode|Activity
        member ref:system/members
        locationId int
        businessUnitId int
        location ref:system/locations
        department ref:system/departments
        workType ref:time/workTypes
        workRole ref:time/workRoles
        agreement ref
        agreementType str
        activity ref
        ticket ref:service/tickets
        project ref
        phase ref
        timeStart date required
        timeEnd date
        hoursDeduct num
        actualHours num
        billableOption enum:{BILLING} ="Billable" required-on-put
        notes str
        internalNotes str
        addToDetailDescriptionFlag bool =false
        addToInternalAnalysisFlag bool =false
        addToResolutionFlag bool =false
        emailResourceFlag bool =false
        emailContactFlag bool =false
        emailCcFlag bool =false
        emailCc str
        hoursBilled num
        invoiceHours num
        hourlyCost str
        enteredBy str read-only
        dateEntered date read-only
        invoice ref
        mobileGuid str read-only
        hourlyRate num
        status enum:Open|Rejected|PendingApproval|ErrorsCorrected|PendingProjectApproval|ApprovedByTierOne|\
RejectBySecondTier|ApprovedByTierTwo|ReadyToBill|Billed|WrittenOff|BilledAgreement ="Open"
        timeSheet ref
        ticketBoard str read-only
        ticketStatus str read-only
        ticketType str read-only
        ticketSubType str read-only
        invoiceFlag bool =false
        extendedInvoiceAmount num
        locationName str
        taxCode ref
        customFields list empty
        """
    ),
    label={},
    parent_field="chargeToId",
    stamps=("lastUpdated", "updatedBy", "dateEntered", "enteredBy"),
    audit="Time",
    callback="time",
    pod="Time",
)

SCHEDULE_ENTRY = Resource(
    path="schedule/entries",
    name="ScheduleEntry",
    fields=fields(
        """
        objectId int
        member ref:system/members
        where ref
        dateStart date
        dateEnd date
        reminder ref
        status ref:schedule/statuses
        type ref:schedule/types required
        span ref
        doneFlag bool =false
        acknowledgedFlag bool =false
        ownerFlag bool =false
        name str:100
        mobileGuid str read-only
        allowScheduleConflictsFlag bool write-only
        addMemberToProjectFlag bool write-only
        closeDate date
        hours num
        """
    ),
    audit="Schedule",
    callback="schedule",
)

SETUP = tuple(
    Resource(path=path, name=name, fields=fields("name str:50 required\ndefaultFlag bool =false"))
    for path, name in (
        ("time/workRoles", "WorkRole"),
        ("time/workTypes", "WorkType"),
        ("schedule/statuses", "ScheduleStatus"),
        ("schedule/types", "ScheduleType"),
    )
)

WORK_RESOURCES = (TIME_ENTRY, SCHEDULE_ENTRY, *SETUP)
