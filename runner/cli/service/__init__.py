"""Sitecrew as a systemd service: its unit files, and the messages to systemd."""
