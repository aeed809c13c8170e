"""Uploads to a host: releases and syncs, through a shell or over SFTP alone."""

from __future__ import annotations
