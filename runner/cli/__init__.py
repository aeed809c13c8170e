"""The command line: parse, call a workflow or a query, print. Data on stdout, messages on stderr."""
