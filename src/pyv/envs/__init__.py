"""Environments: making them, finding out how they are, and repairing them. pip is put into them elsewhere."""

from pyv.envs.commands import Gone, has_pip
from pyv.envs.commands import restore as restore_commands
from pyv.envs.config import Options, home_of, program_of
from pyv.envs.health import HEALTHY, OTHER, STALE, STRANGE, Health, has_lost_settings, inspect, libraries, was_at
from pyv.envs.interpreter import Interpreter, at, of_program, of_store
from pyv.envs.named import check_name, is_linked, is_taken, link, named
from pyv.envs.place import (
    ABSENT,
    EMPTY,
    ENVIRONMENT,
    HALF,
    OCCUPIED,
    Site,
    check,
    check_clearing,
    held,
    orphans,
    remove,
    standing,
    sweep,
)
from pyv.envs.repair import Inventory, environment_options, inventory, notes_pip, options_of, repair
from pyv.envs.requirements import requirement_files
from pyv.envs.scripts import shell_word
from pyv.envs.strangers import Stranger, describe, find, objection
from pyv.envs.tree import build

__all__ = [
    "ABSENT",
    "EMPTY",
    "ENVIRONMENT",
    "HALF",
    "HEALTHY",
    "OCCUPIED",
    "OTHER",
    "STALE",
    "STRANGE",
    "Gone",
    "Health",
    "Interpreter",
    "Inventory",
    "Options",
    "Site",
    "Stranger",
    "at",
    "build",
    "check",
    "check_clearing",
    "check_name",
    "describe",
    "environment_options",
    "find",
    "has_lost_settings",
    "has_pip",
    "held",
    "home_of",
    "inspect",
    "inventory",
    "is_linked",
    "is_taken",
    "libraries",
    "link",
    "named",
    "notes_pip",
    "objection",
    "of_program",
    "of_store",
    "options_of",
    "orphans",
    "program_of",
    "remove",
    "repair",
    "requirement_files",
    "restore_commands",
    "shell_word",
    "standing",
    "sweep",
    "was_at",
]
