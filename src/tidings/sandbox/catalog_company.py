"""The resources around companies, their sites and configurations (spec connectwise.md 2.5 and 2.7)."""

from tidings.sandbox.describe import USER_FIELDS, Resource, fields

COMPANY = Resource(
    path="company/companies",
    name="Company",
    fields=fields(
        f"""
        identifier str:30 required
        name str:50 required
        status ref:company/companies/statuses
        types list create-only empty
        addressLine1 str:50
        addressLine2 str:50
        city str:50
        state str:50
        zip str:12
        country ref:company/countries
        phoneNumber str:30
        faxNumber str:30
        website str:255
        territory ref:system/locations
        market ref
        accountNumber str:100
        defaultContact ref:company/contacts
        billingContact ref:company/contacts
        dateAcquired date
        sicCode ref
        parentCompany ref:company/companies
        annualRevenue num
        numberOfEmployees int
        yearEstablished int
        revenueYear int
        ownershipType ref
        timeZoneSetup ref
        leadSource str:50
        leadFlag bool =false
        unsubscribeFlag bool =false
        calendar ref
        {USER_FIELDS}
        vendorIdentifier str
        taxIdentifier str
        taxCode ref
        billingTerms ref
        invoiceTemplate ref
        pricingSchedule ref
        companyEntityType ref
        billToCompany ref:company/companies
        billingSite ref:company/companies/{{}}/sites
        invoiceDeliveryMethod ref
        invoiceToEmailAddress str
        invoiceCCEmailAddress str
        deletedFlag bool =false
        dateDeleted date
        deletedBy str
        mobileGuid str read-only
        facebookUrl str
        twitterUrl str
        linkedInUrl str
        currency ref
        territoryManager ref:system/members
        resellerIdentifier str
        isVendorFlag bool =false
        site ref:company/companies/{{}}/sites
        integratorTags list
        customFields list empty
        """
    ),
    label={"identifier": "identifier", "name": "name"},
    links=(
        ("contacts_href", "company/contacts?conditions=company/id={id}"),
        ("agreements_href", "finance/agreements?conditions=company/id={id}"),
        ("tickets_href", "service/tickets?conditions=company/id={id}"),
        ("opportunities_href", "sales/opportunities?conditions=company/id={id}"),
        ("activities_href", "sales/activities?conditions=company/id={id}"),
        ("projects_href", "project/projects?conditions=company/id={id}"),
        ("configurations_href", "company/configurations?conditions=company/id={id}"),
        ("orders_href", "sales/orders?conditions=company/id={id}"),
        ("documents_href", "system/documents?recordType=Company&recordId={id}"),
        ("sites_href", "company/companies/{id}/sites"),
        ("teams_href", "company/companies/{id}/teams"),
        ("reports_href", "company/companies/{id}/managementSummaryReports"),
        ("notes_href", "company/companies/{id}/notes"),
    ),
    stamps=("lastUpdated", "updatedBy", "dateEntered", "enteredBy"),
    audit="Company",
    callback="company",
    unique="identifier",
    soft_delete=True,
    pod="Company",
)

COMPANY_NOTE = Resource(
    path="company/companies/{}/notes",
    name="CompanyNote",
    fields=fields(
        """
        company ref:company/companies read-only
        text str required
        type ref:company/noteTypes
        flagged bool =false
        enteredBy str read-only
        """
    ),
    parent_field="company",
    label={},
)

SITE = Resource(
    path="company/companies/{}/sites",
    name="CompanySite",
    fields=fields(
        """
        name str:50 required
        addressLine1 str:50
        addressLine2 str:50
        city str:50
        stateReference ref
        zip str:12
        country ref:company/countries
        addressFormat str
        phoneNumber str:30
        phoneNumberExt str
        faxNumber str:30
        taxCode ref
        entityType ref
        expenseReimbursement num
        primaryAddressFlag bool =false
        defaultShippingFlag bool =false
        defaultBillingFlag bool =false
        defaultMailingFlag bool =false
        inactiveFlag bool =false
        billSeparateFlag bool =false
        mobileGuid str read-only
        calendar ref
        timeZone ref
        company ref:company/companies read-only
        customFields list empty
        """
    ),
    parent_field="company",
    callback="site",
    pod="Site",
)

CONFIGURATION = Resource(
    path="company/configurations",
    name="Configuration",
    fields=fields(
        """
        name str:100 required
        type ref:company/configurations/types required
        status ref:company/configurations/statuses
        company ref:company/companies required
        contact ref:company/contacts
        site ref:company/companies/{}/sites within:company
        locationId int
        location ref:system/locations
        businessUnitId int
        department ref:system/departments
        deviceIdentifier str:100
        serialNumber str:250
        modelNumber str:50
        tagNumber str:50
        purchaseDate date
        installationDate date
        installedBy ref:system/members
        warrantyExpirationDate date
        vendorNotes str
        notes str
        macAddress str:25
        lastLoginName str:100
        billFlag bool =false
        backupSuccesses int
        backupIncomplete int
        backupFailed int
        backupRestores int
        lastBackupDate date
        backupServerName str:50
        backupBillableSpaceGb num
        backupProtectedDeviceList str
        backupYear int
        backupMonth int
        ipAddress str:50
        defaultGateway str:50
        osType str:250
        osInfo str:250
        cpuSpeed str:100
        ram str:25
        localHardDrives str
        parentConfigurationId int
        vendor ref:company/companies
        manufacturer ref
        manufacturerPartNumber str:50
        questions list
        activeFlag bool =true
        managementLink str:1000
        remoteLink str:1000
        sla ref
        mobileGuid str read-only
        displayVendorFlag bool =false
        companyLocationId int
        showRemoteFlag bool =false
        showAutomateFlag bool =false
        needsRenewalFlag bool =false
        manufacturerIdentifier str
        managedIdentifier str
        customFields list empty
        """
    ),
    audit="Configuration",
    callback="configuration",
    pod="Configuration",
    object_name="companyConfiguration",
)

COMPANY_STATUS = Resource(
    path="company/companies/statuses",
    name="CompanyStatus",
    fields=fields(
        """
        name str:50 required
        defaultFlag bool =false
        inactiveFlag bool =false
        notifyFlag bool =false
        disallowSavingFlag bool =false
        notificationMessage str
        customNoteFlag bool =false
        cancelOpenTracksFlag bool =false
        """
    ),
)

_NAMED = "name str:50 required\ndefaultFlag bool =false\ninactiveFlag bool =false"

SETUP = tuple(
    Resource(path=path, name=name, fields=fields(_NAMED))
    for path, name in (
        ("company/companies/types", "CompanyType"),
        ("company/configurations/types", "ConfigurationType"),
    )
)

CONFIGURATION_STATUS = Resource(
    path="company/configurations/statuses",
    name="ConfigurationStatus",
    fields=fields("description str:50 required\nclosedFlag bool =false\ndefaultFlag bool =false"),
    label={"name": "description"},
)

COUNTRY = Resource(
    path="company/countries",
    name="Country",
    fields=fields("name str:50 required\nidentifier str:50\ndefaultFlag bool =false\ninactiveFlag bool =false"),
    label={"identifier": "identifier", "name": "name"},
)

COMPANY_RESOURCES = (COMPANY, COMPANY_NOTE, SITE, CONFIGURATION, COMPANY_STATUS, *SETUP, CONFIGURATION_STATUS, COUNTRY)
