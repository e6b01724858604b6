"""The resources under /company: contacts, companies and what hangs on them (spec connectwise.md 2.3 to 2.7)."""

from tidings.sandbox.describe import Resource, fields

_USER_FIELDS = "\n".join(f"userDefinedField{n} str:50" for n in range(1, 11))

CONTACT = Resource(
    path="company/contacts",
    name="Contact",
    fields=fields(
        f"""
        firstName str:30 required
        lastName str:30
        company ref:company/companies
        site ref:company/companies/{{}}/sites within:company
        addressLine1 str:50
        addressLine2 str:50
        city str:50
        state str:50
        zip str:12
        country ref:company/countries
        relationship ref:company/contacts/relationships
        relationshipOverride str
        department ref:company/contacts/departments
        inactiveFlag bool =false
        defaultMergeContactId int
        securityIdentifier str:184
        managerContact ref:company/contacts
        assistantContact ref:company/contacts
        title str:100
        school str:50
        nickName str:30
        marriedFlag bool =false
        childrenFlag bool =false
        children str
        significantOther str:30
        portalPassword str:15 write-only
        portalSecurityLevel int =1
        disablePortalLoginFlag bool =true
        unsubscribeFlag bool =false
        gender enum:Male|Female
        birthDay date
        anniversary date
        presence enum:Online|DoNotDisturb|Away|Offline|NoAgent
        mobileGuid str read-only
        facebookUrl str
        twitterUrl str
        linkedInUrl str
        defaultPhoneType str read-only
        defaultPhoneNbr str read-only
        defaultPhoneExtension str read-only
        defaultBillingFlag bool =false
        defaultFlag bool =false
        {_USER_FIELDS}
        companyLocation ref:system/locations empty
        communicationItems list
        types list read-only empty
        typeIds list create-only write-only
        integratorTags list
        customFields list empty
        photo ref
        ignoreDuplicates bool =false
        """
    ),
    label={"name": "firstName lastName"},
    links=(
        ("communications_href", "company/contacts/{id}/communications"),
        ("notes_href", "company/contacts/{id}/notes"),
        ("tracks_href", "company/contacts/{id}/tracks"),
        ("portalSecurity_href", "company/contacts/{id}/portalSecurity"),
        ("activities_href", "sales/activities?conditions=contact/id={id}"),
        ("documents_href", "system/documents?recordType=Contact&recordId={id}"),
        ("configurations_href", "company/configurations?conditions=contact/id={id}"),
        ("tickets_href", "service/tickets?conditions=contact/id={id}"),
        ("opportunities_href", "sales/opportunities?conditions=contact/id={id}"),
        ("projects_href", "project/projects?conditions=contact/id={id}"),
        ("image_href", "company/contacts/{id}/image?lastModified={lastUpdated}"),
    ),
    audit="Contact",
    callback="contact",
    pod="Contact",
)

CONTACT_NOTE = Resource(
    path="company/contacts/{}/notes",
    name="ContactNote",
    fields=fields(
        """
        contactId int read-only
        text str required
        type ref:company/noteTypes
        flagged bool =false
        enteredBy str read-only
        """
    ),
    parent_field="contactId",
    label={},
)

COMMUNICATION = Resource(
    path="company/contacts/{}/communications",
    name="ContactCommunication",
    fields=fields(
        """
        contactId int read-only
        type ref:company/communicationTypes required
        value str:250 required
        extension str:15
        defaultFlag bool =false
        domain str read-only
        mobileGuid str read-only
        communicationType enum:Email|Phone|Fax read-only
        """
    ),
    parent_field="contactId",
    label={},
    virtual=True,
)

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
        {_USER_FIELDS}
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

COMMUNICATION_TYPE = Resource(
    path="company/communicationTypes",
    name="CommunicationType",
    fields=fields(
        """
        description str required
        phoneFlag bool =false
        faxFlag bool =false
        emailFlag bool =false
        defaultFlag bool =false
        exchangeXref str:50
        iphoneXref str
        androidXref str
        googleXref str
        """
    ),
    label={"name": "description"},
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
        ("company/contacts/relationships", "ContactRelationship"),
        ("company/contacts/departments", "ContactDepartment"),
        ("company/configurations/types", "ConfigurationType"),
        ("company/noteTypes", "NoteType"),
    )
)

CONTACT_TYPE = Resource(
    path="company/contacts/types",
    name="ContactType",
    fields=fields("description str:50 required\ndefaultFlag bool =false"),
    label={"name": "description"},
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

COMPANY_RESOURCES = (
    CONTACT,
    CONTACT_NOTE,
    COMMUNICATION,
    COMPANY,
    COMPANY_NOTE,
    SITE,
    CONFIGURATION,
    COMMUNICATION_TYPE,
    COMPANY_STATUS,
    *SETUP,
    CONTACT_TYPE,
    CONFIGURATION_STATUS,
    COUNTRY,
)
