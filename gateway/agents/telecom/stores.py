"""NewTelco's stores, and how far they are from a zip code. All of them are made up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

_EARTH_MILES = 3_959.0

_PLACES: dict[str, tuple[float, float]] = {
    "021": (42.36, -71.06),
    "100": (40.75, -73.99),
    "101": (40.75, -73.98),
    "112": (40.65, -73.95),
    "191": (39.95, -75.16),
    "200": (38.90, -77.03),
    "282": (35.23, -80.84),
    "303": (33.75, -84.39),
    "331": (25.76, -80.19),
    "432": (39.96, -83.00),
    "441": (41.50, -81.69),
    "482": (42.33, -83.05),
    "532": (43.04, -87.91),
    "554": (44.98, -93.27),
    "606": (41.88, -87.63),
    "631": (38.63, -90.20),
    "701": (29.95, -90.07),
    "752": (32.78, -96.80),
    "770": (29.76, -95.37),
    "782": (29.42, -98.49),
    "787": (30.27, -97.74),
    "800": (39.77, -105.08),
    "802": (39.74, -104.99),
    "803": (40.01, -105.27),
    "841": (40.76, -111.89),
    "850": (33.45, -112.07),
    "891": (36.17, -115.14),
    "900": (34.05, -118.24),
    "921": (32.72, -117.16),
    "940": (37.55, -122.27),
    "941": (37.77, -122.42),
    "946": (37.80, -122.27),
    "951": (37.34, -121.89),
    "958": (38.58, -121.49),
    "972": (45.52, -122.68),
    "980": (47.61, -122.20),
    "981": (47.61, -122.33),
    "984": (47.25, -122.44),
}
"""Latitude and longitude in degrees, by the first three digits of a zip code."""


@dataclass(frozen=True, slots=True)
class Store:
    """One store; its address and hours as they are said."""

    name: str
    address: str
    zip_code: str
    weekdays: str
    weekend: str

    @property
    def hours(self) -> str:
        return f"Monday to Friday from {self.weekdays}, and Saturday and Sunday {self.weekend}"

    def as_dict(self, miles: float) -> dict[str, Any]:
        """What a model is told of it."""
        return {
            "name": self.name,
            "address": self.address,
            "zipCode": self.zip_code,
            "openingHours": self.hours,
            "distanceMiles": round(miles),
        }


STORES = (
    Store(
        "Pine Street", "1210 Pine Street, Seattle", "98101", "10 AM to 7 PM", "from 11 AM to 5 PM"
    ),
    Store(
        "Mission",
        "580 Mission Street, San Francisco",
        "94105",
        "9 AM to 7 PM",
        "from 10 AM to 6 PM",
    ),
    Store("Larimer", "1430 Larimer Street, Denver", "80202", "9 AM to 6 PM", "closed"),
    Store(
        "Congress", "715 Congress Avenue, Austin", "78701", "10 AM to 8 PM", "from 12 PM to 6 PM"
    ),
    Store(
        "Bryant Park",
        "42 West 40th Street, New York",
        "10018",
        "8 AM to 8 PM",
        "from 10 AM to 7 PM",
    ),
    Store("Loop", "225 West Monroe Street, Chicago", "60606", "9 AM to 7 PM", "from 11 AM to 4 PM"),
    Store(
        "Peachtree", "190 Peachtree Street, Atlanta", "30303", "10 AM to 7 PM", "from 11 AM to 6 PM"
    ),
    Store("Brickell", "801 Brickell Avenue, Miami", "33131", "10 AM to 9 PM", "from 11 AM to 7 PM"),
)


def place_of(zip_code: str) -> tuple[float, float] | None:
    """Where a zip code lies, as latitude and longitude in degrees; None: not known."""
    return _PLACES.get(zip_code[:3])


def nearest(zip_code: str) -> tuple[Store, float] | None:
    """The nearest store and its distance in miles; None: nobody knows where that zip code is."""
    here = place_of(zip_code)
    if here is None:
        return None
    distances = [(_miles(here, _PLACES[store.zip_code[:3]]), store) for store in STORES]
    miles, store = min(distances, key=lambda pair: pair[0])
    return store, miles


def _miles(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Along a great circle (haversine)."""
    lat_a, lon_a, lat_b, lon_b = map(math.radians, (*a, *b))
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * _EARTH_MILES * math.asin(math.sqrt(half))
