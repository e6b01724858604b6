"""The resources around contacts: what they hold and what hangs on them (spec connectwise.md 2.3 and 2.4)."""

from tidings.sandbox.describe import USER_FIELDS, Resource, fields

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
        {USER_FIELDS}
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

CONTACT_TYPE = Resource(
    path="company/contacts/types",
    name="ContactType",
    fields=fields("description str:50 required\ndefaultFlag bool =false"),
    label={"name": "description"},
)

SETUP = tuple(
    Resource(
        path=path, name=name, fields=fields("name str:50 required\ndefaultFlag bool =false\ninactiveFlag bool =false")
    )
    for path, name in (
        ("company/contacts/relationships", "ContactRelationship"),
        ("company/contacts/departments", "ContactDepartment"),
        ("company/noteTypes", "NoteType"),
    )
)

CONTACT_RESOURCES = (CONTACT, CONTACT_NOTE, COMMUNICATION, COMMUNICATION_TYPE, CONTACT_TYPE, *SETUP)
