"""Shell completion. Imports only the standard library and PyYAML, to answer within 100 ms."""
