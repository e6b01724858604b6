"""The resources under /system and /sales (spec connectwise.md 2.7, 2.8 and 6.1)."""

from tidings.sandbox.describe import Resource, fields

OPPORTUNITY = Resource(
    path="sales/opportunities",
    name="Opportunity",
    fields=fields(
        """
        name str:100 required
        expectedCloseDate date required-on-put
        type ref:sales/opportunities/types
        stage ref:sales/stages
        status ref:sales/opportunities/statuses
        priority ref
        notes str
        probability ref
        source str:50
        rating ref
        campaign ref
        primarySalesRep ref:system/members required
        secondarySalesRep ref:system/members
        locationId int required-on-put
        businessUnitId int required-on-put
        company ref:company/companies required
        contact ref:company/contacts required
        site ref:company/companies/{}/sites within:company
        customerPO str:25
        pipelineChangeDate date
        dateBecameLead date
        closedDate date
        closedBy ref:system/members
        closedFlag bool =false
        totalSalesTax num
        shipToCompany ref:company/companies
        shipToContact ref:company/contacts
        shipToSite ref:company/companies/{}/sites
        billToCompany ref:company/companies
        billToContact ref:company/contacts
        billToSite ref:company/companies/{}/sites
        billingTerms ref
        taxCode ref
        currency ref
        companyLocationId int
        technicalContact ref:company/contacts
        mobileGuid str read-only
        customFields list empty
        """
    ),
    stamps=("lastUpdated", "updatedBy", "dateEntered", "enteredBy"),
    audit="Opportunity",
    callback="opportunity",
    pod="Opportunity",
)

CALLBACK = Resource(
    path="system/callbacks",
    name="CallbackEntry",
    fields=fields(
        """
        description str:100
        url str required
        objectId int required
        type str required
        level str required
        memberId int read-only
        payloadVersion str ="3.0.0"
        inactiveFlag bool =false
        isSoapCallbackFlag bool =false
        isSelfSuppressedFlag bool =false
        connectWiseID str read-only
        """
    ),
    label={},
)

MEMBER = Resource(
    path="system/members",
    name="Member",
    verbs="CU",
    fields=fields(
        """
        identifier str:15 required
        firstName str:30 required
        middleInitial str:1
        lastName str:30 required
        title str:100
        officeEmail str:250
        officePhone str
        licenseClass enum:A|C|F|X ="F"
        inactiveFlag bool =false
        dailyCapacity num
        hireDate date
        timeZone ref
        workRole ref:time/workRoles
        defaultLocation ref:system/locations
        defaultDepartment ref:system/departments
        """
    ),
    label={"identifier": "identifier", "name": "firstName lastName", "dailyCapacity": "dailyCapacity"},
)

USER_DEFINED_FIELD = Resource(
    path="system/userDefinedFields",
    name="UserDefinedField",
    fields=fields(
        """
        podId int required
        podDescription str
        caption str:25 required
        sequenceNumber int required
        screenId str
        screenDescription str
        helpText str:1000
        fieldTypeIdentifier str required
        numberDecimals int =0
        entryTypeIdentifier str ="EntryField"
        requiredFlag bool =false
        displayOnScreenFlag bool =true
        readOnlyFlag bool =false
        listViewFlag bool =false
        buttonUrl str
        options list
        businessUnitIds list empty
        locationIds list empty
        connectWiseID str read-only
        displayScreenInASIO bool =false
        dateCreated date read-only
        """
    ),
    label={"name": "caption"},
    stamps=(),
)

AUDIT_ENTRY = Resource(
    path="system/audittrail",
    name="AuditTrail",
    virtual=True,
    fields=fields(
        """
        text str
        enteredDate date
        enteredBy str
        auditType str
        auditSubType str
        auditSource str
        """
    ),
    label={},
    stamps=(),
)

LOCATION = Resource(
    path="system/locations",
    name="Location",
    fields=fields("name str:50 required\ninactiveFlag bool =false unfilterable"),
)

SETUP = tuple(
    Resource(path=path, name=name, fields=fields("name str:50 required\ndefaultFlag bool =false"))
    for path, name in (
        ("system/departments", "Department"),
        ("sales/stages", "SalesStage"),
        ("sales/opportunities/statuses", "OpportunityStatus"),
    )
)

OPPORTUNITY_TYPE = Resource(
    path="sales/opportunities/types",
    name="OpportunityType",
    fields=fields("description str:50 required\ninactiveFlag bool =false"),
    label={"name": "description"},
)

SYSTEM_RESOURCES = (
    OPPORTUNITY,
    CALLBACK,
    MEMBER,
    USER_DEFINED_FIELD,
    AUDIT_ENTRY,
    LOCATION,
    *SETUP,
    OPPORTUNITY_TYPE,
)
