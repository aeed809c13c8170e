"""Document roots and addresses in the configuration of nginx and Apache."""

from __future__ import annotations

import time

import pytest

from runner.inspect.server_config import ServedFolder, served_folders

NGINX = """
user www-data;
http {
    server { listen 80; server_name shop.example; return 301 https://shop.example$request_uri; }
    server {
        listen [::]:443 ssl http2; listen 443 ssl;
        server_name www.shop.example shop.example;   # both
        root "/srv/shop/public";
        location /media { root /mnt/media; }
    }
    server { listen 8080; server_name _; root /srv/any; }
    server { listen 127.0.0.1:81; root /srv/local; }
    server { listen 80; server_name ~^(?<x>.+)\\.example$ *.wild.example; root /srv/$x; }
    server { listen 80; server_name *.wild.example wild.example; root /srv/wild/; }
}
"""

APACHE = """
<VirtualHost *:80>
    ServerName old.example
    Redirect / https://old.example/
</VirtualHost>
<VirtualHost *:443>
    ServerName old.example
    ServerAlias www.old.example
    DocumentRoot "/var/www/old site"
    SSLEngine on
    # DocumentRoot /var/www/other
</VirtualHost>
<VirtualHost 10.0.0.1:8081 [::1]:8081>
    DocumentRoot /var/www/ip
</VirtualHost>
"""


def test_server_blocks_of_nginx() -> None:
    assert served_folders(NGINX) == [
        ServedFolder("/srv/shop/public", "https://www.shop.example"),
        ServedFolder("/srv/any", ""),
        ServedFolder("/srv/local", "http://127.0.0.1:81"),
        ServedFolder("/srv/wild", "http://wild.example"),
    ]


def test_virtual_hosts_of_apache() -> None:
    assert served_folders(APACHE) == [
        ServedFolder("/var/www/old site", "https://old.example"),
        ServedFolder("/var/www/ip", "http://10.0.0.1:8081"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "}}}} server { root /a; } }",
        "server { root; listen; server_name; }",
        'server { root "/a\nb"; }',
        "server { root relative; }",
        "server { root /a; server_name 'x y' \"; rm -rf /\" a..b; }",
        "<VirtualHost *:80>\nDocumentRoot\n</VirtualHost>",
        "\0\x1b[2J",
    ],
)
def test_broken_configuration_yields_no_invalid_address(text: str) -> None:
    assert [one for one in served_folders(text) if one.url or not one.root.isprintable()] == []


@pytest.mark.parametrize(
    "text", ["{" * 300_000, "server{" * 60_000, '"' * 300_000, "<VirtualHost x>\nDocumentRoot x\n" * 9_000]
)
def test_large_hostile_configuration_is_parsed_in_time(text: str) -> None:
    began = time.monotonic()
    served_folders(text)
    assert time.monotonic() - began < 5
