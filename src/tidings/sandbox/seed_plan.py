"""Which seeded records belong together? Ids, counts and the arithmetic from a contact to its company."""

from dataclasses import dataclass
from datetime import datetime

from tidings.sandbox.names import COMPANY_FIRST, COMPANY_KIND, COMPANY_SECOND
from tidings.sandbox.seed_draw import History, mix, salt

_COMBINATIONS = len(COMPANY_FIRST) * len(COMPANY_SECOND) * len(COMPANY_KIND)
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class Plan:
    """The frame of one seeded tenant. Positions count from 0 within a resource; ids are first id + position."""

    seed: int
    contacts: int
    companies: int
    tickets: int
    history: History

    @classmethod
    def of(cls, seed: int, contacts: int, companies: int, tickets: int, now: datetime) -> "Plan":
        return cls(seed, contacts, companies, tickets, History.before(now))

    def first_id(self, path: str) -> int:
        """The id of a resource's first record: seeded per tenant and type (spec connectwise.md 13.26)."""
        return 100 + salt(self.seed, path + "#id") % 20_000

    def salt(self, path: str) -> int:
        """Where the draws for a resource begin; the draw for a position is `mix(salt + position)`."""
        return salt(self.seed, path)

    def company_name(self, position: int) -> tuple[str, str, str]:
        """Three words that no other company of the tenant has in this order (the last may carry a number)."""
        round_, place = divmod(position, _COMBINATIONS)
        # A step without a common factor visits every combination once.
        place = (place * 25_013 + self.seed % _COMBINATIONS) % _COMBINATIONS
        rest, kind = divmod(place, len(COMPANY_KIND))
        first, second = divmod(rest, len(COMPANY_SECOND))
        return COMPANY_FIRST[first], COMPANY_SECOND[second], COMPANY_KIND[kind] + (str(round_ + 1) if round_ else "")

    def is_bare(self, company: int) -> bool:
        """Whether a company came from elsewhere and has no address, phone or contact (spec connectwise.md 2.5)."""
        return company % 29 == 11

    def is_deleted(self, company: int) -> bool:
        """Whether a company carries the deleted flag; only bare ones do, so nobody refers to it."""
        return company % 58 == 11

    def default_contact(self, company: int) -> int | None:
        """The position of a company's default contact."""
        return None if self.is_bare(company) or company >= self.contacts else company

    def company_of(self, contact: int) -> int | None:
        """The position of the company that a contact works for; a few work for none (quirk Q19)."""
        if contact < self.companies:
            return None if self.is_bare(contact) else contact
        if not self.companies or contact % 37 == 5:
            return None
        part = (contact * _GOLDEN >> 32) & 0xFFFF_FFFF
        # Squared: a few large companies, many small ones.
        company = (part * part >> 32) * self.companies >> 32
        return (company + 1) % self.companies if self.is_bare(company) else company

    def ticket_parties(self, ticket: int) -> tuple[int, int | None]:
        """The positions of a ticket's company and of its contact."""
        draw = mix(self.salt("service/tickets#parties") + ticket)
        if self.contacts:
            contact = draw % self.contacts
            company = self.company_of(contact)
            if company is not None:
                return company, contact
        company = (draw >> 32) % self.companies
        return ((company + 1) % self.companies if self.is_bare(company) else company), None
