"""The resources around tickets: their notes and boards (spec connectwise.md 2.6 and 2.7)."""

from dataclasses import replace

from tidings.sandbox.describe import BILLING, Resource, fields

_METHOD = "ActualRates|FixedFee|NotToExceed|OverrideRate"
_LEVEL = "Low|Medium|High"

TICKET = Resource(
    path="service/tickets",
    name="Ticket",
    fields=fields(
        f"""
        summary str:100 required
        recordType enum:ServiceTicket|ProjectTicket|ProjectIssue ="ServiceTicket"
        board ref:service/boards
        status ref:service/boards/{{}}/statuses within:board
        workRole ref:time/workRoles
        workType ref:time/workTypes
        company ref:company/companies required
        site ref:company/companies/{{}}/sites
        siteName str:50
        addressLine1 str:50
        addressLine2 str:50
        city str:50
        stateIdentifier str:50
        zip str:12
        country ref:company/countries
        contact ref:company/contacts
        contactName str:62
        contactPhoneNumber str:20
        contactPhoneExtension str:15
        contactEmailAddress str:250
        type ref:service/boards/{{}}/types within:board
        subType ref
        item ref
        team ref
        owner ref:system/members
        priority ref:service/priorities
        serviceLocation ref
        source ref:service/sources
        requiredDate date
        budgetHours num
        opportunity ref:sales/opportunities
        agreement ref
        severity enum:{_LEVEL} ="Medium" required-on-put
        impact enum:{_LEVEL} ="Medium" required-on-put
        externalXRef str:100
        poNumber str:50
        knowledgeBaseCategoryId int
        knowledgeBaseSubCategoryId int
        knowledgeBaseLinkId int
        knowledgeBaseLinkType enum:ServiceTicket|ProjectTicket|ProjectIssue|KnowledgeBaseArticle|Time|Activity
        allowAllClientsPortalView bool =false
        customerUpdatedFlag bool =false
        automaticEmailContactFlag bool =false
        automaticEmailResourceFlag bool =false
        automaticEmailCcFlag bool =false
        automaticEmailCc str:1000
        initialDescription str create-only write-only
        initialInternalAnalysis str create-only write-only
        initialResolution str create-only write-only
        initialDescriptionFrom str create-only write-only
        contactEmailLookup str write-only
        processNotifications bool write-only
        skipCallback bool write-only
        closedDate str read-only
        closedBy str read-only
        closedFlag bool =false read-only
        actualHours num read-only
        approved bool =true
        estimatedExpenseCost num
        estimatedExpenseRevenue num
        estimatedProductCost num
        estimatedProductRevenue num
        estimatedTimeCost num
        estimatedTimeRevenue num
        billingMethod enum:{_METHOD}
        billingAmount num
        hourlyRate num
        subBillingMethod enum:{_METHOD}
        subBillingAmount num
        subDateAccepted str
        dateResolved str
        dateResplan str
        dateResponded str
        resolveMinutes int
        resPlanMinutes int
        respondMinutes int
        isInSla bool =false
        hasChildTicket bool =false read-only
        parentTicketId int
        hasMergedChildTicketFlag bool =false read-only
        mergedParentTicket ref:service/tickets read-only
        requestForChangeFlag bool =false
        resources str
        billTime enum:{BILLING}
        billExpenses enum:{BILLING}
        billProducts enum:{BILLING}
        predecessorType enum:Ticket|Phase
        predecessorId int
        predecessorClosedFlag bool =false
        lagDays int
        lagNonworkingDaysFlag bool =false
        estimatedStartDate date
        duration int
        location ref:system/locations
        department ref:system/departments
        mobileGuid str read-only
        sla ref
        slaStatus str
        minutesBeforeWaiting int
        minutesWaiting int
        escalationLevel int
        respondedHours num
        respondedBy str
        resplanHours num
        resplanBy str
        resolutionHours num
        resolvedBy str
        respondedSkippedMinutes int
        resplanSkippedMinutes int
        escalationStartDateUTC date
        currency ref
        agreementType str
        integratorTags list
        customFields list empty
        """
    ),
    label={"summary": "summary"},
    links=(
        ("activities_href", "sales/activities?conditions=ticket/id={id}"),
        ("scheduleentries_href", "schedule/entries?conditions=type/id=4 AND objectId={id}"),
        ("documents_href", "system/documents?recordType=Ticket&recordId={id}"),
        ("products_href", "procurement/products?conditions=chargeToType='Ticket' AND chargeToId={id}"),
        ("configurations_href", "service/tickets/{id}/configurations"),
        ("tasks_href", "service/tickets/{id}/tasks"),
        ("notes_href", "service/tickets/{id}/notes"),
        ("timeentries_href", "time/entries?conditions=(chargeToType='ServiceTicket') AND chargeToId={id}"),
    ),
    stamps=("lastUpdated", "updatedBy", "dateEntered", "enteredBy"),
    audit="Ticket",
    callback="ticket",
    pod="Ticket",
)

_NOT_IN_PROJECTS = ("severity", "impact", "slaStatus", "isInSla", "parentTicketId", "recordType")

PROJECT_TICKET = replace(
    TICKET,
    path="project/tickets",
    fields={name: each for name, each in TICKET.fields.items() if name not in _NOT_IN_PROJECTS}
    | fields(
        """
        recordType enum:ProjectTicket|ProjectIssue ="ProjectTicket"
        isIssueFlag bool =false
        project ref
        phase ref required
        wbsCode str:50
        scheduleStartDate date
        scheduleEndDate date
        """
    ),
    audit="ProjectTicket",
    pod="Project",
)

TICKET_NOTE = Resource(
    path="service/tickets/{}/notes",
    name="ServiceNote",
    fields=fields(
        """
        ticketId int read-only
        text str required
        detailDescriptionFlag bool =false
        internalAnalysisFlag bool =false
        resolutionFlag bool =false
        issueFlag bool =false
        member ref:system/members
        contact ref:company/contacts
        customerUpdatedFlag bool =false
        processNotifications bool write-only
        dateCreated date read-only
        createdBy str read-only
        internalFlag bool =false
        externalFlag bool =false
        sentimentScore num
        """
    ),
    parent_field="ticketId",
    label={},
)

ALL_NOTES = Resource(
    path="service/tickets/{}/allNotes",
    name="AllNotes",
    fields=fields(
        """
        noteType str unfilterable
        ticket ref:service/tickets
        text str
        isMarkdownFlag bool
        detailDescriptionFlag bool
        internalAnalysisFlag bool
        resolutionFlag bool
        timeStart date
        timeEnd date
        bundledFlag bool
        mergedFlag bool
        issueFlag bool
        originalAuthor str
        createdByParentFlag bool
        member ref:system/members
        contact ref:company/contacts
        """
    ),
    label={},
    virtual=True,
)

BOARD = Resource(
    path="service/boards",
    name="Board",
    fields=fields(
        f"""
        name str:50 required
        location ref:system/locations required
        department ref:system/departments required
        inactiveFlag bool =false
        signOffTemplateId int
        sendToContactFlag bool =false
        contactTemplateId int
        sendToResourceFlag bool =false
        projectFlag bool =false
        workRole ref:time/workRoles
        workType ref:time/workTypes
        billTime enum:{BILLING}
        billExpense enum:{BILLING}
        billProduct enum:{BILLING}
        autoCloseStatus ref:service/boards/{{}}/statuses
        showDependenciesFlag bool =false
        showEstimatesFlag bool =false
        allSort str
        """
    ),
    object_name="board",
)

BOARD_STATUS = Resource(
    path="service/boards/{}/statuses",
    name="BoardStatus",
    fields=fields(
        """
        name str:50 required
        board ref:service/boards read-only
        sortOrder int
        displayOnBoard bool =true
        inactive bool =false
        closedStatus bool =false
        timeEntryNotAllowed bool =false
        roundRobinCatchall bool =false
        defaultFlag bool =false
        escalationStatus str
        customerPortalDescription str:500
        customerPortalFlag bool =false
        emailTemplate ref
        statusIndicator ref
        customStatusIndicatorName str:30
        saveTimeAsNote bool =false
        """
    ),
    parent_field="board",
    label={"name": "name", "sort": "sortOrder"},
)

BOARD_TYPE = Resource(
    path="service/boards/{}/types",
    name="BoardType",
    fields=fields(
        """
        name str:50 required
        category str
        defaultFlag bool =false
        inactiveFlag bool =false
        requestForChangeFlag bool =false
        integrationXref str:50
        board ref:service/boards read-only
        location ref:system/locations
        department ref:system/departments
        """
    ),
    parent_field="board",
)

PRIORITY = Resource(
    path="service/priorities",
    name="Priority",
    fields=fields("name str:50 required\ncolor str\nsortOrder int\nlevel str\ndefaultFlag bool =false"),
    label={"name": "name", "sort": "sortOrder", "level": "level"},
)

SOURCE = Resource(
    path="service/sources",
    name="Source",
    fields=fields("name str:50 required\ndefaultFlag bool =false"),
)

SERVICE_RESOURCES = (
    TICKET,
    PROJECT_TICKET,
    TICKET_NOTE,
    ALL_NOTES,
    BOARD,
    BOARD_STATUS,
    BOARD_TYPE,
    PRIORITY,
    SOURCE,
)
