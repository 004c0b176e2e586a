"""Titles that lists of results are made of, with their years where they have one."""

from __future__ import annotations

import random

SHELVES: dict[str, tuple[str, ...]] = {
    "films": (
        "Pride & Prejudice (2005)", "La La Land (2016)", "High Noon (1952)", "Whale Rider (2002)", "Yi Yi (2000)", "Paterson (2016)",
        "The Straight Story (1999)", "Nomadland (2020)", "Local Hero (1983)", "Tampopo (1985)", "Close-Up (1990)", "Rififi (1955)",
        "The Red Shoes (1948)", "Klute (1971)", "Moon (2009)", "Contact (1997)", "Sunshine (2007)", "Ida (2013)", "Cold War (2018)",
        "Columbus (2017)", "First Cow (2019)", "Monsoon Wedding (2001)", "The Conversation (1974)", "Safety Last! (1923)",
        "Ninotchka (1939)", "Laura (1944)", "Charade (1963)", "Witness (1985)", "Big Night (1996)", "Ghost World (2001)",
        "Short Term 12 (2013)", "The Farewell (2019)", "Minari (2020)", "Logan Lucky (2017)", "Whisky (2004)", "Timbuktu (2014)",
    ),
    "books": (
        "Moby-Dick (1851)", "The Waves (1931)", "Stoner (1965)", "Gilead (2004)", "Kindred (1979)", "Blindness (1995)", "Atonement (2001)",
        "The Leopard (1958)", "Austerlitz (2001)", "Convenience Store Woman (2016)", "The Dispossessed (1974)", "Train Dreams (2011)",
        "A Wizard of Earthsea (1968)", "The Summer Book (1972)", "Barchester Towers (1857)", "Cranford (1853)", "Hard Times (1854)",
        "The Moonstone (1868)", "Passing (1929)", "The Periodic Table (1975)", "Silent Spring (1962)", "Cosmos (1980)",
        "The Buddha of Suburbia (1990)", "Invisible Cities (1972)", "Ragtime (1975)", "Plainsong (1999)", "Wide Sargasso Sea (1966)",
        "Ice (1967)", "The Door (1987)", "Flights (2007)", "The Vegetarian (2007)", "Lonesome Dove (1985)", "Housekeeping (1980)",
    ),
    "dishes": (
        "Gazpacho", "Kung pao chicken", "Minestrone", "Ribollita", "Dal tadka", "Shakshuka", "Onion soup", "Pumpkin risotto", "Okonomiyaki",
        "Chana masala", "Fish tacos", "Bean stew", "Colcannon", "Tortilla española", "Pho", "Saag paneer", "Mujaddara", "Jollof rice",
        "Cullen skink", "Beetroot salad", "Aubergine parmigiana", "Chicken tagine", "Lentil soup", "Spätzle", "Goulash", "Ratatouille",
        "Bibimbap", "Potato pancakes", "Mushroom pilaf", "Cauliflower curry", "Pasta e ceci", "Leek tart", "Ceviche", "Feijoada",
    ),
    "things": (
        "Trail Runner 3", "Oak side table", "Sencha 100 g", "Wool blanket grey", "Garden hose 20 m", "Desk lamp Arc", "City bike 28",
        "Moka pot 6 cups", "Rain jacket Nimbus", "Board game Harbour", "Headphones Q2", "Cat tower", "Yoga mat blue", "Canvas bag",
        "Ceramic bowl set", "Thermos 1 l", "LED strip 5 m", "Hiking socks", "Linen shirt", "Picture frame A3", "Bread knife",
        "Seed mix wildflowers", "Travel pillow", "Beard oil", "Notebook dotted", "Chess set walnut", "Solar lantern", "Tent Duo",
    ),
}  # fmt: skip


def shelf(rng: random.Random, domain: str, count: int) -> list[tuple[str, str]]:
    """Some titles, each with its year or nothing."""
    known = SHELVES.get(domain, SHELVES["films"])
    found = []
    for entry in rng.sample(known, max(1, min(count, len(known)))):
        title, _, year = entry.partition(" (")
        found.append((title, year.rstrip(")")))
    return found
