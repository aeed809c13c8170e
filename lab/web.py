"""nginx and php-fpm: a server block a site, and a pool of PHP a host, so that files belong to its user."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

from lab import packages
from lab.hosts import answers
from lab.shell import write

if TYPE_CHECKING:
    from pathlib import Path

    from lab.processes import Processes
    from lab.spec import FleetSpec, SiteSpec

__all__ = ["Web", "php_log"]

STATIC = "        index index.html;"
CACHE = """            fastcgi_cache pages;
            fastcgi_cache_key $host$request_uri;
            fastcgi_cache_valid any 1d;
            fastcgi_ignore_headers Cache-Control Expires Set-Cookie;
            fastcgi_cache_bypass $varies $http_x_refresh;
            fastcgi_no_cache $varies;
"""
NETWORK_PATHS = """        if (!-e $request_filename) {
            rewrite /wp-admin$ $uri/ permanent;
            rewrite ^/[^/]+(/wp-.*) $1 last;
            rewrite ^/[^/]+(/.*\\.php)$ $1 last;
        }
"""
"""WordPress's own rules for a network whose sites are folders."""


def php_log(spec: FleetSpec, host: str) -> Path:
    """Where PHP's errors of a host's sites are written; the host's user may read it."""
    return spec.home(host) / "logs/php-error.log"


class Web:
    """The web servers of one fleet."""

    def __init__(self, spec: FleetSpec, processes: Processes) -> None:
        self.spec = spec
        self.processes = processes
        self.folder = spec.root / "web"
        self.cached: set[str] = set()
        """Sites that have a page cache before them."""
        self.doors: dict[str, str] = {}
        """More lines of a site's server block, by its name."""
        self.domains: dict[str, tuple[str, ...]] = {}
        """More addresses, each with its port, at which a site answers."""
        self.settings: dict[str, dict[str, str]] = {}
        """Settings of PHP in the pools, by host."""
        self.users: dict[str, str] = {}
        """Users of the pools of PHP that do not run as their host's user, by host."""

    def start_php(self) -> bool:
        """Starts PHP-FPM. Returns whether it was started now."""
        for host in self.spec.hosts:
            log = php_log(self.spec, host.name)
            log.parent.mkdir(parents=True, exist_ok=True)
            log.touch()
            for path in (log.parent, log):
                shutil.chown(path, self.spec.user(host.name), self.spec.user(host.name))
        config = "".join([self._php_globals(), *(self._pool(host.name) for host in self.spec.hosts)])
        path = self.folder / "php-fpm.conf"
        write(path, config)
        sockets = [self._socket(host.name) for host in self.spec.hosts]
        return self.processes.start(
            "php-fpm",
            [str(packages.php_fpm()), "--nodaemonize", "--fpm-config", str(path)],
            config=config,
            ready=lambda: all(listens(path) for path in sockets),
        )

    def start_nginx(self) -> bool:
        """Starts nginx. Returns whether it was started now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self._nginx()
        path = self.folder / "nginx.conf"
        write(path, config)
        sites = [(self.spec.address(site.host), site.port) for site in self.spec.sites]
        return self.processes.start(
            "nginx",
            ["/usr/sbin/nginx", "-c", str(path), "-e", str(self.processes.log("nginx"))],
            config=config,
            ready=lambda: all(answers(*site) for site in sites),
        )

    def access_log(self, site: str) -> Path:
        """The requests of a site's visitors, in nginx's combined format."""
        return self.processes.logs / f"access-{site}.log"

    def _socket(self, host: str) -> Path:
        return self.folder / f"php-{host}.sock"

    def _php_globals(self) -> str:
        return f"[global]\nerror_log = {self.processes.log('php-fpm')}\n"

    def _pool(self, host: str) -> str:
        user = self.users.get(host, self.spec.user(host))
        more = "".join(
            f"php_admin_value[{name}] = {value}\n" for name, value in self.settings.get(host, {}).items()
        )
        return f"""
[{host}]
user = {user}
group = {user}
listen = {self._socket(host)}
listen.owner = www-data
listen.group = www-data
listen.mode = 0660
pm = ondemand
pm.max_children = 6
pm.process_idle_timeout = 30s
php_admin_value[error_log] = {php_log(self.spec, host)}
php_admin_flag[log_errors] = on
php_admin_flag[display_errors] = off
php_admin_flag[expose_php] = on
php_admin_value[sendmail_path] = {self.spec.root / "bin/keep-mail"}
php_admin_flag[opcache.enable] = on
php_value[opcache.revalidate_freq] = {self.spec.opcache}
{more}"""

    def _nginx(self) -> str:
        folders = "".join(
            f"    {name}_temp_path {self.folder / name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        blocks = "".join(self._block(site) for site in (*self.spec.sites, *self.spec.spare))
        return f"""daemon off;
user www-data;
worker_processes 2;
pid {self.folder / "nginx.pid"};
error_log {self.processes.log("nginx")};
events {{
    worker_connections 1024;
}}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    server_tokens off;
{folders}{self._cache_zone()}{blocks}}}
"""

    def _cache_zone(self) -> str:
        if not self.cached:
            return ""
        path = self.folder / "pages"
        return (
            f"    fastcgi_cache_path {path} keys_zone=pages:1m inactive=1d use_temp_path=off;\n"
            '    map "$request_method$http_cookie$args" $varies {\n        GET 0;\n        HEAD 0;\n'
            "        default 1;\n    }\n"
        )

    def _block(self, site: SiteSpec) -> str:
        return f"""
    server {{
        listen {self.spec.address(site.host)}:{site.port};
{"".join(f"        listen {one};{chr(10)}" for one in self.domains.get(site.name, ()))}\
        root {self.spec.path(site)};
        access_log {self.access_log(site.name)};
        client_max_body_size 64m;
{self.doors.get(site.name, "")}{NETWORK_PATHS if site.subsites else ""}\
{self._php_site(site) if site.kind == "wordpress" else STATIC}
    }}
"""

    def _php_site(self, site: SiteSpec) -> str:
        return f"""        index index.php;
        location / {{
            try_files $uri $uri/ /index.php?$args;
        }}
        location ~ \\.php$ {{
            try_files $uri =404;
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param HTTP_HOST $http_host;
            fastcgi_pass unix:{self._socket(site.host)};
            fastcgi_read_timeout 120s;
{CACHE if site.name in self.cached else ""}        }}"""


def listens(path: Path) -> bool:
    """Whether a process answers at a socket file; one may lie there from a process that was killed."""
    with socket.socket(socket.AF_UNIX) as link:
        try:
            link.connect(str(path))
        except OSError:
            return False
    return True
