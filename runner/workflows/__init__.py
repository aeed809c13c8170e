"""Durable workflows: runs, rings, the scheduler of windows, reports."""
