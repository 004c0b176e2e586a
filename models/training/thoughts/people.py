"""The people and pets of examples: how they are spoken of, and under what name they are remembered."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from bethink.models.training.thoughts.values import bucket

WOMEN = """Ana|Ines|Maria|Aisha|Yuki|Priya|Ingrid|Chloé|Fatima|Siobhán|Zofia|Nadia|Leila|Mei|Akosua|Wanjiru|Carmen|Lucía
|Elif|Anneke|Greta|Hannah|Emily|Grace|Olga|Katya|Ivana|Noor|Samira|Thandiwe|Linh|Hoa|Soo-jin|Kiri|Marta|Giulia|Francesca
|Beatriz|Joana|Astrid|Freja|Saoirse|Niamh|Meera|Anjali|Dilara|Zeynep|Eszter|Ruth|Joy|Abena|Amara|Chidinma|Elena|Sofia
|Ruby|Daisy|Heather|Tamar|Rania""".replace("\n", "").split("|")
MEN = """Tom|Kofi|Leo|Lars|Marco|Pedro|João|Rui|Ahmed|Omar|Yusuf|Kenji|Hiro|Wei|Minh|Raj|Arjun|Vikram|Sanjay|Kwame
|Kwabena|Juma|Tendai|Sipho|Diego|Mateo|Javier|Luca|Paolo|Stefan|Jan|Piotr|Marek|Tomáš|Milan|Goran|Nikos|Yannis|Emre|Deniz|Erik|Anders
|Mikkel|Søren|Eoin|Cillian|Rhys|Angus|Callum|Oliver|Ethan|Dmitri|Sergei|Bao|Jun-ho|Tane|Youssef|Karim|Luís|Henrik|Bruno
|Felix""".replace("\n", "").split("|")
_SHE = """sister|mother|mum|wife|daughter|aunt|grandmother|niece|girlfriend|mother-in-law|sister-in-law|gran|stepmother
|older sister|little sister""".replace("\n", "").split("|")
_HE = """brother|father|dad|husband|son|uncle|grandfather|nephew|boyfriend|father-in-law|brother-in-law|grandad
|stepfather|older brother|little brother""".replace("\n", "").split("|")
_EITHER = """friend|best friend|cousin|neighbour|colleague|flatmate|boss|partner|roommate|old school friend|coworker
|landlord|tennis partner""".replace("\n", "").split("|")
_ADULT_ONLY = ("daughter", "son", "niece", "nephew", "little sister", "little brother")
_ONE = {*_SHE[:3], *_HE[:3], "wife", "husband", "girlfriend", "boyfriend", "partner", "boss", "landlord", "best friend"}
SAME = {"mum": "mother", "dad": "father", "gran": "grandmother", "grandad": "grandfather"}
"""Words for one and the same of the user's kin; the user's own word is kept."""


@dataclass(frozen=True)
class Person:
    """``text`` as the user says it, ``subject`` as it is remembered, ``label`` as it is said to the user."""

    text: str
    subject: str
    label: str
    kin: str
    name: str
    woman: bool

    @property
    def pronouns(self) -> tuple[str, str, str]:
        """he, his, him."""
        return ("she", "her", "her") if self.woman else ("he", "his", "him")


def names(woman: bool, split: str) -> list[str]:
    """Names that a split draws from: training leaves some out."""
    every = WOMEN if woman else MEN
    kept = [name for name in every if bucket(name, 6)]
    return kept if split == "train" else [*(name for name in every if name not in kept), *every]


def draw_name(rng: Random, split: str, taken: set[str], woman: bool | None = None) -> str:
    """A first name that is not taken yet; it is taken then."""
    while True:
        name = rng.choice(names(rng.random() < 0.5 if woman is None else woman, split))
        if name not in taken:
            taken.add(name)
            return name


def draw_person(rng: Random, split: str, taken: set[str], named: float = 0.65, adult: bool = True) -> Person:
    """Somebody of whom no name and no kinship is taken yet; ``named`` is how often a name is known."""
    while True:
        woman = rng.random() < 0.5
        kin = rng.choice((_SHE if woman else _HE) if rng.random() < 0.66 else _EITHER)
        if SAME.get(kin, kin) in taken or (adult and kin in _ADULT_ONLY):
            continue
        taken.add(SAME.get(kin, kin))
        if kin in ("mum", "mother", "dad", "father", "gran", "grandad", "landlord", "boss"):
            named *= 0.25
        if rng.random() >= named:
            return Person(f"my {kin}", f"user's {kin}", f"your {kin}", kin, "", woman)
        name = rng.choice(names(woman, split))
        if name in taken:
            continue
        taken.add(name)
        if rng.random() < 0.15:
            return Person(name, name, name, "", name, woman)
        return Person(f"my {kin} {name}", name, name, kin, name, woman)
