"""How a process of the simulated node ends: its exit code."""

EXIT_DONE = 0
EXIT_RESET = 3
EXIT_POWER_CUT = 4
EXITS = (EXIT_DONE, EXIT_RESET, EXIT_POWER_CUT)
