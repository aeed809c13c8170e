"""The wiring: each workflow reads as a list of stages."""
