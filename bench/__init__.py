"""Benchmarks: real parts on this machine, beside what other people's tools need for the same work."""
