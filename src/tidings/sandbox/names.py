"""What are people, companies and their troubles called in a seeded tenant?"""

import unicodedata


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


FIRST = _words(
    """
    Aaron Abigail Adrian Agnes Ahmed Aisha Alan Alicia Amara Amélie Andrea Andrew Anita Anna Arjun Astrid Beatriz
    Benjamin Bianca Brandon Brenda Bruno Camila Carlos Carmen Caroline Charles Chloé Christine Claire Colin Connor
    Cynthia Damian Daniel Darius David Deborah Denise Derek Diana Dominic Dorothy Dylan Eduardo Eleanor Elena Emily
    Emma Eric Esther Ethan Eva Faith Farah Felix Fiona Frances Francisco Gabriel Gemma George Gloria Grace Graham
    Gustav Hannah Harold Harriet Hassan Heather Hélène Henry Hugo Ian Ibrahim Ines Ingrid Isaac Isabella Ivan Jacob
    Jamal James Janet Jasmine Javier Jean Jennifer Jerome Jessica Joan Joel Jonas Jorge José Joyce Judith Julian
    Karen Karim Katherine Keith Kenji Kevin Kiran Klaus Lars Laura Leila Leon Leslie Liam Lillian Linda Louis Lucía
    Luis Łukasz Mads Malik Marcus Margaret Maria Marta Martin Mateo Matthew Maya Megan Mei Mercedes Michael Miriam
    Mohammed Monica Nadia Naomi Natalie Nathan Niamh Nicholas Nina Noah Nora Oksana Oliver Olivia Omar Oscar Pablo
    Pamela Patricia Paul Pedro Petra Philip Priya Quentin Rachel Rafael Rajesh Ramona Raúl Rebecca Ricardo Robert
    Rosa Ruben Ruth Samuel Sandra Sara Sean Sergio Sharon Sigrid Simon Sofia Søren Stella Stephen Susan Tamara Tariq
    Teresa Thomas Tobias Tomás Ursula Valerie Vera Victor Vincent Wanda Wei Wendy William Xavier Yasmin Yolanda
    Yusuf Zachary Zoë
    """
)
LAST = _words(
    """
    Abbott Adeyemi Ahmed Alvarez Andersen Anderson Armstrong Baker Banerjee Barnes Becker Bell Bennett Berg Bianchi
    Blackwood Boyd Brennan Brooks Brown Burke Burns Byrne Campbell Carlson Carter Castillo Chan Chandra Chen Clarke
    Cohen Cole Collins Cooper Costa Cruz Cunningham Dalton Davies Delgado Desai Díaz Doyle Dubois Duncan Edwards
    Eriksen Espinoza Evans Faulkner Fernández Ferrari Fischer Fitzgerald Fleming Flores Foster Fraser Freeman
    Gallagher García Gibson Goldberg Gomez González Graham Grant Greene Griffin Gupta Hall Hamilton Hansen Harding
    Harris Hayes Hernandez Hoffmann Holloway Howard Hughes Hussain Ibarra Ito Jackson Jansen Jenkins Jensen Johansson
    Johnson Jones Kapoor Kaplan Keller Kelly Khan Kim Klein Kowalski Krüger Kumar Lambert Larsen Lawson Lee Lehmann
    Levy Li Lindqvist Lopez Lund MacDonald Mahmoud Marino Marsh Martin Martínez Mason McCarthy McDowell McKenna
    Mehta Mendoza Meyer Miller Mitchell Moore Morales Moreau Morgan Morris Müller Murphy Nakamura Navarro Nelson
    Nguyen Nielsen Novak O'Brien O'Connor O'Neill Ochoa Okafor Olsen Ortiz Owens Palmer Parker Patel Pereira
    Pérez Peterson Petrov Phillips Popescu Porter Powell Quinn Ramirez Ramos Reed Reyes Reynolds Richter Rivera
    Roberts Robinson Rossi Roth Russell Ryan Sanchez Sanders Santos Sato Schmidt Schneider Schulz Shah Sharma Silva
    Singh Smith Sørensen Soto Spencer Stein Stewart Sullivan Suzuki Takahashi Tanaka Taylor Thompson Torres Tran
    Turner Vargas Vasquez Vega Wagner Walker Wallace Walsh Wang Ward Watanabe Weaver Webb Weber White Williams Wilson
    Wong Wright Yamamoto Young Zhang Zimmermann
    """
)

COMPANY_FIRST = _words(
    """
    Alpine Amber Anchor Apex Arbor Aspen Atlas Aurora Beacon Birch Blue Bright Canyon Cedar Clear Coastal Cobalt
    Copper Crest Crown Delta Eagle East Elm Ember Falcon First Forest Garnet Golden Granite Green Grove Harbor Haven
    Heron High Horizon Iron Ivory Juniper Keystone Lake Lantern Laurel Liberty Lunar Magnolia Maple Marble Meridian
    Metro North Oak Ocean Onyx Orchard Pacific Pine Pioneer Prairie Quarry Raven Red River Rock Sage Silver South
    Spruce Sterling Stone Summit Sunset Timber Trident Union Valley Vista West Willow Winter
    """
)
COMPANY_SECOND = _words(
    """
    Bay Bridge Brook Castle Cliff Corner Creek Dale Field Fork Gate Glen Hall Hill House Inlet Island Key Lane Ledge
    Light Mark Meadow Mill Mount Path Peak Point Pond Port Range Ridge Road Run Shore Span Spring Square Tower Trail
    View Wall Ward Water Way Well Wood Works
    """
)
COMPANY_KIND = (
    "Dental",
    "Law",
    "Freight",
    "Realty",
    "Foods",
    "Clinic",
    "Capital",
    "Builders",
    "Motors",
    "Media",
    "Schools",
    "Energy",
    "Textile",
)
COMPANY_ENDING = ("", "", ", Inc.", " LLC", " Group", " & Sons", " Ltd.", ", P.C.")

# city, state, postal code, area code
PLACES = tuple(
    tuple(line.split(";"))
    for line in _lines(
        """
        Tampa;FL;33602;813
        Boston;MA;02110;617
        Denver;CO;80202;303
        Columbus;OH;43215;614
        Portland;OR;97204;503
        Austin;TX;78701;512
        Nashville;TN;37203;615
        Madison;WI;53703;608
        Albany;NY;12207;518
        Richmond;VA;23219;804
        Boise;ID;83702;208
        Omaha;NE;68102;402
        Tucson;AZ;85701;520
        Raleigh;NC;27601;919
        Spokane;WA;99201;509
        Lexington;KY;40507;859
        """
    )
)
STREETS = _words(
    "Main Oak Church Elm Park Walnut Washington Maple Mill Spring Ridge Market Union Prospect Highland Center Bay"
)

TITLES = _lines(
    """
    Office Manager
    President
    Owner
    Accountant
    Operations Manager
    Receptionist
    IT Coordinator
    Controller
    Sales Representative
    Practice Administrator
    Vice President, Finance
    HR Generalist
    Executive Assistant
    Warehouse Supervisor
    Project Manager
    Paralegal
    """
)

# {0} is a person or a device, {1} a number
SUMMARIES = _lines(
    """
    Cannot print from the front desk
    Outlook keeps asking {0} for a password
    New employee set-up: {0}
    Disk space low on server SRV-{1}
    [alert] Backup failed on SRV-{1}
    [alert] Backup missed for 3 days
    VPN drops every few minutes when working from home
    Please reset the password of {0}
    Laptop {1} will not start after the update
    Shared mailbox missing for {0}
    Suspicious e-mail received by {0}, please check attachment before anybody opens it
    Internet is slow in the conference room
    Scanner no longer saves to folder \\\\files\\scans
    [Monitoring] CPU at 100% on host {1} for 30 minutes
    Remove access of {0}, last day is Friday
    Quote for ten replacement monitors
    Line-of-business application shows error {1}
    Phones at the second site have no dial tone
    MFA prompt does not arrive on the new phone of {0}
    Move workstation {1} to the upstairs office
    Renew certificate of the remote desktop gateway
    Excel crashes when opening the monthly report
    [tag:onboarding] Order and prepare laptop for {0}
    Wi-Fi password for guests
    """
)
NOTES = _lines(
    """
    User called in, reports that it started this morning.
    Restarted the print spooler, test page came out. Asked the user to confirm.
    Left a voice mail, waiting for a call back.
    Checked event log: nothing unusual since the last update.
    Replaced the cable; link is up at 1 Gbit/s again.
    Backup ran through last night, closing after one more good night.
    Escalated to the vendor, their case number is in the attachment.
    Confirmed with the user by phone. All good now.
    """
)
MEMBERS = _words("Alex:Hale Bianca:Ortiz Chris:Doyle Dana:Webb Elliot:Shah Frida:Lund Gary:Marsh Helen:Cho")
INTEGRATORS = ("zAdmin", "template247", "RmmSync", "apiuser")
DEVICE_MODELS = _lines(
    """
    Latitude 5440
    OptiPlex 7010
    EliteBook 840 G9
    ThinkPad T14
    PowerEdge R450
    ProLiant DL380
    """
)
SYSTEMS = _lines(
    """
    Microsoft Windows 11 Pro x64
    Microsoft Windows 10 Pro x64
    Microsoft Windows Server 2022 Standard
    Ubuntu 22.04 LTS
    """
)

_SPECIAL = str.maketrans({"ø": "o", "ł": "l", "'": None, "Ł": "l", "Ø": "o"})


def mailbox(name: str) -> str:
    """A name as it stands in an e-mail address.

    >>> mailbox("Søren"), mailbox("O'Brien")
    ('soren', 'obrien')
    """
    plain = unicodedata.normalize("NFKD", name.translate(_SPECIAL))
    return "".join(c for c in plain if c.isascii() and c.isalnum()).lower()


FIRST_MAILBOX = tuple(map(mailbox, FIRST))
LAST_MAILBOX = tuple(map(mailbox, LAST))
