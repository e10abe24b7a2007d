"""Dated rules: read them from text, check them, and say which value is in force on a day, as known on a day.

A rulebook is a folder of YAML files, one fact a file. Each value says from which day it is effective, since which day
it is known, and which act or report it comes from. The two dates make it bitemporal: a decision of 1 January is
judged by what was known on 1 January, even when a later order changed that very day.

Nothing here does I/O: files arrive as a mapping of path to text.
"""

from naryq.rulebook.amend import emergency, first_day, proposed_text
from naryq.rulebook.catalogue import CATALOGUE, DEFAULT_PLACE, NUMBERS, UNCLASSED, Kind, Specification, digest_of
from naryq.rulebook.files import ABOUT_FILE, base_name, load, problems
from naryq.rulebook.in_force import END_OF_TIME, InForce, Rulebook

__all__ = [
    "ABOUT_FILE",
    "CATALOGUE",
    "DEFAULT_PLACE",
    "END_OF_TIME",
    "NUMBERS",
    "UNCLASSED",
    "InForce",
    "Kind",
    "Rulebook",
    "Specification",
    "base_name",
    "digest_of",
    "emergency",
    "first_day",
    "load",
    "problems",
    "proposed_text",
]
