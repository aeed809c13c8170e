"""Files from here to a host: releases and syncs, by shell or by sftp alone."""

from __future__ import annotations
