"""Print the events of a run: as a live view on a terminal, else as lines, or as JSON with --json."""
