"""How a process of the simulated node ends: its exit code."""

from micropython import const

EXIT_DONE = const(0)
EXIT_RESET = const(3)
EXIT_POWER_CUT = const(4)
EXITS = (EXIT_DONE, EXIT_RESET, EXIT_POWER_CUT)
