"""Finding a city's columns by name, whichever of its exports a file is, and saying what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dataset_converters.errors import ConversionError
from dataset_converters.header import SEPARATORS, normal_name

# Columns by which an export is recognised, to tell a person which one they have.
EXPORTS = {
    "the NYPD Complaint Data export (24 columns)": (
        "cmplnt_num",
        "cmplnt_fr_dt",
        "addr_pct_cd",
        "ky_cd",
        "prem_typ_desc",
    ),
    "the NYPD Complaint Data export (35 columns)": (
        *("cmplnt_num", "cmplnt_fr_dt", "addr_pct_cd", "ky_cd", "prem_typ_desc"),
        *("patrol_boro", "vic_race", "susp_sex", "station_name"),
    ),
    "Chicago's Crimes - 2001 to Present": ("case_number", "date", "primary_type", "location_description", "fbi_code"),
    "the NYPD Arrests export": ("arrest_key", "arrest_date", "arrest_boro", "arrest_precinct"),
    "the NYPD Shooting Incident export": ("incident_key", "occur_date", "occur_time", "statistical_murder_flag"),
    "the NYC Motor Vehicle Collisions export": ("collision_id", "crash_date", "crash_time"),
    "a MovieLens ratings file": ("userid", "movieid", "rating", "timestamp"),
}

EARTH = (-90.0, 90.0, -180.0, 180.0)


@dataclass(frozen=True)
class Layout:
    """What a city's exports call things.

    Attributes:
        city: the command's name.
        roles: role -> the header names it goes by, as `normal_name` gives them.
        number, date, clock: roles of the source's own number, of the event's start, and of its time of day where that
            stands in a column of its own.
        generator: the roles that make up a generator by default.
        classes: `--element` choice -> (role of the code, role of its description or None).
        whole_numbers: roles whose values are numbers, so that `44`, `044` and `44.0` are one.
        missing: role -> values that mean missing besides those of `is_missing`.
        regions: roles that can stand in for the first part of a generator, in an export that lacks it.
        described: further roles to describe a generator with, by their most frequent value.
        box: (south, north, west, east) in degrees; coordinates outside are placeholders or typing errors.
        named: option -> column, where a person has named the columns; then these are needed.
        fill: role -> (role, value, filler): a missing value becomes `filler` in rows where the other role has `value`.
    """

    city: str
    roles: Mapping[str, tuple[str, ...]]
    number: str
    date: str
    clock: str | None
    generator: tuple[str, ...]
    classes: Mapping[str, tuple[str, str | None]]
    whole_numbers: frozenset[str]
    box: tuple[float, float, float, float] = EARTH
    named: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    described: tuple[str, ...] = ()
    fill: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)

    def generator_roles(self, option: str | Sequence[str] | None) -> tuple[str, ...]:
        """`--generator precinct,premises` as roles; a name that is no role is taken for a column of the file.

        Raises:
            ConversionError: an empty or repeated name.
        """
        if option is None:
            return self.generator
        names = option.split(",") if isinstance(option, str) else list(option)
        by_alias = {alias: role for role, aliases in self.roles.items() for alias in aliases}
        roles = tuple(by_alias.get(normal_name(name), normal_name(name)) for name in names)
        if not all(roles) or len(set(roles)) < len(roles):
            raise ConversionError(
                f"--generator is {','.join(names)!r}; give different column names with commas between, "
                f"for example {','.join(self.generator)}"
            )
        return roles

    def find(self, path: str, header: Sequence[str], needed: Iterable[str], wanted: Iterable[str]) -> dict[str, int]:
        """Positions of the columns by role; a `wanted` role may be absent.

        Raises:
            ConversionError: a needed column is absent (says what was looked for, what there is, and which export the
                file looks like), or stands twice.
        """
        names = [normal_name(name) for name in header]
        found, absent = {}, []
        for role in dict.fromkeys([*needed, *wanted]):
            places = [place for alias in self._aliases(role) for place, name in enumerate(names) if name == alias]
            if len(places) > 1 and names[places[0]] == names[places[1]]:
                raise ConversionError(f"{path}: row 1 has the column {header[places[0]]!r} twice; rename one of them")
            if places:
                found[role] = places[0]
            elif role in set(needed):
                absent.append(role)
        if absent:
            sought = ", ".join(" or ".join(self._aliases(role)) for role in absent)
            held = ", ".join(name.strip() for name in header)
            if not held:
                raise ConversionError(f"{path}: row 1 is empty; the names of the columns belong there")
            if len(header) == 1 and any(separator in held for separator in SEPARATORS):
                raise ConversionError(f"{path}: row 1 is wholly in quotes, so it is 1 field ({held[:60]!r}); repair it")
            raise ConversionError(
                f"{path}: row 1 lacks {sought}; it has {held[:800]}; {self._resembles(names, absent)}"
            )
        return found

    def _aliases(self, role: str) -> tuple[str, ...]:
        return self.roles.get(role, (role,))

    def _resembles(self, names: Sequence[str], absent: Sequence[str]) -> str:
        if self.named:
            return "name columns as they stand there"
        shares = {label: sum(name in names for name in marks) / len(marks) for label, marks in EXPORTS.items()}
        label, share = max(shares.items(), key=lambda pair: (pair[1], len(EXPORTS[pair[0]])))
        if share < 0.5:
            return (
                "it looks like no export known here; a file without a header row needs one, and another city's columns "
                "are named to the city command (docs/converters.md, Another city)"
            )
        regions = [role for role in self.regions if set(self.roles[role]) & set(names)]
        if regions and set(absent) == {self.generator[0]}:
            instead = ",".join([regions[0], *self.generator[1:]])
            return f"it looks like {label} without that column; build generators from others: --generator {instead}"
        return f"it looks like {label}"


NYC = Layout(
    city="nyc",
    roles={
        "number": ("cmplnt_num", "complaint_number"),
        "date": ("cmplnt_fr_dt", "complaint_from_date"),
        "clock": ("cmplnt_fr_tm", "complaint_from_time"),
        "precinct": ("addr_pct_cd", "address_precinct_code"),
        "premises": ("prem_typ_desc", "premises_type"),
        "borough": ("boro_nm", "borough_name"),
        "location": ("loc_of_occur_desc",),
        "jurisdiction": ("juris_desc",),
        "patrol_borough": ("patrol_boro",),
        "offense_code": ("ky_cd",),
        "offense": ("ofns_desc",),
        "pd_code": ("pd_cd",),
        "pd": ("pd_desc",),
        "law": ("law_cat_cd",),
        "latitude": ("latitude",),
        "longitude": ("longitude",),
    },
    number="number",
    date="date",
    clock="clock",
    generator=("precinct", "premises"),
    classes={"offense": ("offense_code", "offense"), "pd": ("pd_code", "pd"), "law": ("law", None)},
    whole_numbers=frozenset(["precinct", "offense_code", "pd_code"]),
    missing={"precinct": frozenset(["0", "-99"])},
    regions=("patrol_borough", "borough"),
    described=("borough",),
    box=(40.4, 41.0, -74.3, -73.6),
)

CHICAGO = Layout(
    city="chicago",
    roles={
        "number": ("case_number",),
        "date": ("date", "date_of_occurrence"),
        "community_area": ("community_area",),
        "location_description": ("location_description",),
        "district": ("district",),
        "beat": ("beat",),
        "ward": ("ward",),
        "primary_type": ("primary_type", "primary_description"),
        "iucr": ("iucr",),
        "description": ("description", "secondary_description"),
        "fbi_code": ("fbi_code", "fbi_cd"),
        "latitude": ("latitude",),
        "longitude": ("longitude",),
    },
    number="number",
    date="date",
    clock=None,
    generator=("community_area", "location_description"),
    classes={"offense": ("primary_type", None), "pd": ("iucr", "description"), "law": ("fbi_code", None)},
    whole_numbers=frozenset(["community_area"]),
    missing={"community_area": frozenset(["0"])},
    box=(41.6, 42.1, -88.0, -87.5),
    regions=("beat", "district", "ward"),
    fill={"location_description": ("primary_type", "DECEPTIVE PRACTICE", "empty")},
)
