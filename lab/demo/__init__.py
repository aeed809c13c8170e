"""The demo: a fleet on this machine, a maintenance window with a bad update, and the reports of it."""
