"""Grams of CO2e: C = PUE * E * CI, with a country's carbon intensity of electricity (Our World in Data, 2023).

The country is what the settings say. It is never guessed from the network; without it the world's average is taken, and
every record says so. The table is CodeCarbon's, read from its files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from bethink.models.energy.processor import codecarbon_file

WORLD = 475.0
"""g/kWh, CodeCarbon's figure where the country is not known."""
JOULES_PER_KWH = 3.6e6


class CarbonError(ValueError):
    """A country or PUE that cannot be; the message says what can."""


@dataclass(frozen=True)
class Carbon:
    """How joules become grams: g of CO2e a kWh, and the power usage effectiveness (PUE, at least 1)."""

    ci_g_per_kwh: float = WORLD
    source: str = "world average (no country set)"
    pue: float = 1.0

    @classmethod
    def of(cls, country: str = "", pue: float = 1.0) -> Carbon:
        """For a country by its three letters (ISO 3166-1 alpha-3); empty: the world's average.

        Raises:
            CarbonError: a PUE below 1, or a country that is not in the table.
        """
        if not 1 <= pue <= 10:
            raise CarbonError(f"A PUE of {pue:g} cannot be: it is 1 for a laptop, about 1.1 to 2 for a data centre.")
        if not country:
            return cls(pue=pue)
        table = intensities()
        code = country.strip().upper()
        if not table:
            return cls(source=f"world average (pip install 'bethink[green]' for {code[:3]})", pue=pue)
        if code not in table:
            raise CarbonError(f"There is no country {country[:40]!r}. Give its three letters, such as DEU, USA or CHN.")
        return cls(table[code], f"{code}, Our World in Data 2023", pue)

    def grams(self, joules: float | None) -> float | None:
        """Grams of CO2e; None for None."""
        return None if joules is None else self.pue * joules / JOULES_PER_KWH * self.ci_g_per_kwh


@lru_cache(maxsize=1)
def intensities() -> dict[str, float]:
    """g/kWh by three letters; empty where CodeCarbon is not installed."""
    file = codecarbon_file("private_infra/global_energy_mix.json")
    if file is None:
        return {}
    table = json.loads(file.read_text(encoding="utf-8"))
    return {code: float(row["carbon_intensity"]) for code, row in table.items() if row.get("carbon_intensity")}
