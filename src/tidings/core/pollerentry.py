"""How one resource is polled: its entry in the poller configuration, read and checked (spec platform.md 4.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from whenever import Instant

from tidings.core import ceql, firstrun, javadate, macros, pollerurl, recordpath, zones
from tidings.core.configvalues import LONGEST_MINUTES, ConfigError, boolean, decimal, is_blank, whole
from tidings.core.firstrun import FirstRun
from tidings.core.pollerurl import Query

# Any moment does: rendered macros differ in their digits only.
_SAMPLE: Final = Instant.from_utc(2026, 1, 2, 3, 4, 5)
_SHORTEST_MINUTES: Final = 1 / 60
TOUCHES: Final = ("announce", "ignore")


@dataclass(frozen=True, slots=True)
class PolledResource:
    """One entry, read and checked.

    `path`, `where` and `parameters` are those of `url`, macros in place. Fields are paths into the record, None
    where the entry names none; a format of None is ISO-8601. `created_check_tolerance`, `poll_delay` and `overlap`
    are seconds, intervals and window minutes. `touched` is `announce`, `ignore`, or None where the element decides.
    """

    name: str
    url: str
    path: str
    where: str | None
    parameters: tuple[tuple[str, str], ...]
    id_field: tuple[str, ...]
    updated_field: tuple[str, ...] | None
    updated_format: str | None
    updated_zone: str
    created_field: tuple[str, ...] | None
    created_format: str | None
    created_zone: str
    filter_by_updated_date: bool
    filter_by_current_date: bool
    created_check_tolerance: int
    page_size: int | None
    poll_delay: int
    overlap: float
    settle_interval: float
    settle_window: float
    sweep_interval: float
    audit_interval: float
    first_run: FirstRun
    touched: str | None

    def query(self, *, bound: Instant, now: Instant) -> Query:
        """What to ask the hub for everything from `bound` on (`poll_delay` and overlap taken off) until `now`."""

        def expanded(text: str) -> str:
            return macros.expand(text, bound=bound, now=now, date_format=self.updated_format)

        where = None if self.where is None else expanded(self.where)
        return Query(
            expanded(self.path), where, tuple((expanded(name), expanded(value)) for name, value in self.parameters)
        )

    def earliest(self, bound: Instant) -> Instant | None:
        """The earliest instant that the query for `bound` asks from; None when it does not ask by date."""
        return macros.earliest(self.url, bound=bound, date_format=self.updated_format)


def read(name: str, entry: Mapping[str, Any], field: str, settings: Mapping[str, Any]) -> PolledResource:
    """The resource `name` as `entry` describes it; `field` is the entry's key, for refusals.

    What the entry leaves out of our own keys (`overlap`, `sweepInterval`, …) is in `settings` under its long name
    (`event.poller.sweep_interval`), or has the default of design.md section 9. Raises ConfigError.
    """
    return _Entry(name, entry, field, settings).resource()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry while it is read: each method answers one member of PolledResource."""

    name: str
    values: Mapping[str, Any]
    field: str
    settings: Mapping[str, Any]

    def resource(self) -> PolledResource:
        updated_field, updated_format, updated_zone = self._date("updated")
        created_field, created_format, created_zone = self._date("created")
        url, query = self._url(updated_format)
        return PolledResource(
            name=self.name,
            url=url,
            path=query.path,
            where=query.where,
            parameters=query.parameters,
            id_field=self._id_field(),
            updated_field=updated_field,
            updated_format=updated_format,
            updated_zone=updated_zone,
            created_field=created_field,
            created_format=created_format,
            created_zone=created_zone,
            filter_by_updated_date=self._flag("filterByUpdatedDate", "filterByUpdateDate", default=True),
            filter_by_current_date=self._flag("filterByCurrentDate", default=False),
            created_check_tolerance=self._whole("createdCheckTolerance", "seconds") or 0,
            page_size=self._whole("pageSize", "rows", least=1),
            poll_delay=self._whole("pollDelay", "seconds") or 0,
            overlap=self._span("overlap", "overlap", 120, "seconds", least=0),
            settle_interval=self._span("settleInterval", "settle_interval", 10),
            settle_window=self._span("settleWindow", "settle_window", 60, least=0),
            sweep_interval=self._span("sweepInterval", "sweep_interval", 30),
            audit_interval=self._span("auditInterval", "audit_interval", 10080),
            first_run=self._first_run(),
            touched=self._touched(),
        )

    def _dates(self) -> Mapping[str, Any]:
        dates = self.values.get("datesConfiguration")
        if is_blank(dates):
            return {}
        if not isinstance(dates, Mapping):
            raise ConfigError(
                f"{self.field}.datesConfiguration", 'is not an object: write {"updatedDateField": "…", …}'
            )
        return dates

    def _found(self, *names: str) -> tuple[Any, str]:
        """The first value that is there under one of these names, in the entry or among its dates, and its key."""
        for prefix, values in (("", self.values), ("datesConfiguration.", self._dates())):
            for name in names:
                if not is_blank(values.get(name)):
                    return values[name], f"{self.field}.{prefix}{name}"
        return None, f"{self.field}.{names[0]}"

    def _text(self, name: str) -> tuple[str | None, str]:
        value, field = self._found(name)
        if value is not None and not isinstance(value, str):
            raise ConfigError(field, "is not text: write it in quotes")
        return value, field

    def _url(self, updated_format: str | None) -> tuple[str, Query]:
        url, field = self._text("url")
        if url is None:
            raise ConfigError(field, "is missing: write the hub path to read, such as /hubs/crm/contacts?where=…")
        try:
            macros.validate(url)
            query = pollerurl.split(url)
        except ValueError as error:
            raise ConfigError(field, str(error)) from None
        if query.where is not None:
            where = macros.expand(query.where, bound=_SAMPLE, now=_SAMPLE, date_format=updated_format)
            try:
                ceql.parse(where)
            except ceql.CeqlError as error:
                place = f"column {error.column} of `{where}`"
                raise ConfigError(field, f"has a where that is not CEQL, at {place}: {error.message}") from None
        return url.strip(), query

    def _id_field(self) -> tuple[str, ...]:
        if "idField" not in self.values or self.values["idField"] is None:
            raise ConfigError(f"{self.field}.idField", "is missing: write the path of the record's id, such as id")
        # Blank ones are in use; `id` is what such records have.
        return self._path("idField") or ("id",)

    def _path(self, name: str) -> tuple[str, ...] | None:
        text, field = self._text(name)
        try:
            return None if text is None else recordpath.read(text)
        except ValueError as error:
            raise ConfigError(field, str(error)) from None

    def _date(self, which: str) -> tuple[tuple[str, ...] | None, str | None, str]:
        pattern, field = self._text(f"{which}DateFormat")
        zone, zone_field = self._text(f"{which}DateTimezone")
        try:
            if pattern is not None:
                javadate.compile(pattern)
            if zone is not None:
                field = zone_field
                zones.zone(zone)
        except ValueError as error:
            raise ConfigError(field, str(error)) from None
        return self._path(f"{which}DateField"), pattern, zone or "UTC"

    def _flag(self, *names: str, default: bool) -> bool:
        value, field = self._found(*names)
        return default if value is None else boolean(value, field)

    def _whole(self, name: str, unit: str, *, least: int = 0) -> int | None:
        value, field = self._found(name)
        return None if value is None else whole(value, field, unit, least=least)

    def _own(self, name: str, key: str) -> tuple[Any, str]:
        value = self.values.get(name)
        if not is_blank(value):
            return value, f"{self.field}.{name}"
        value = self.settings.get(f"event.poller.{key}")
        return None if is_blank(value) else value, f"event.poller.{key}"

    def _span(
        self, name: str, key: str, default: float, unit: str = "minutes", *, least: float = _SHORTEST_MINUTES
    ) -> float:
        value, field = self._own(name, key)
        if value is None:
            return default
        if decimal(value, field, unit) == 0:
            return 0.0  # never
        return min(decimal(value, field, unit, least=least), LONGEST_MINUTES)

    def _first_run(self) -> FirstRun:
        value, field = self._own("firstRun", "first_run")
        return FirstRun() if value is None else firstrun.read(value, field)

    def _touched(self) -> str | None:
        if not is_blank(self.values.get("touched")):
            return _one_of(TOUCHES, self.values["touched"], f"{self.field}.touched")
        names = self.settings.get("event.poller.touched")
        if is_blank(names):
            return None
        return "announce" if self.name in name_list(names, "event.poller.touched") else "ignore"


def name_list(value: Any, field: str) -> tuple[str, ...]:
    """Resource names: a JSON list, or text with `|`, commas or new lines between them. Raises ConfigError."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        value = ",".join(value)
    if not isinstance(value, str):
        raise ConfigError(field, "is not a list of names: write them with commas between, such as contacts,incidents")
    parts = (part.strip() for part in value.replace("|", ",").replace("\n", ",").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _one_of(words: tuple[str, ...], value: Any, field: str) -> str:
    word = str(value).strip().lower()
    if word not in words:
        raise ConfigError(field, f"is `{value}`: write {' or '.join(words)}")
    return word
