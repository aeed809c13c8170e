"""A real WordPress fleet on one machine, for the demo, the tests and the benchmarks.

Three hosts (sshd processes on loopback addresses of their own), MariaDB, nginx with php-fpm, three WordPress
sites and a static one, a stand-in for wordpress.org and a mail server. `Fleet` is the one door:

    from lab import Fleet, FleetSpec

    fleet = Fleet(FleetSpec())
    fleet.up()
    fleet.wp("acme-shop", "plugin", "list")
    fleet.reset("acme-shop")
    fleet.down()
"""

from __future__ import annotations

from lab.fleet import Fleet
from lab.shell import LabError
from lab.spec import FleetSpec

__all__ = ["Fleet", "FleetSpec", "LabError"]
