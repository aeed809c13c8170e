"""The places of a bad world: a site each, with one thing wrong in its host, account, files or address."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lab.hosts import make_key
from lab.shell import run, write
from tests.promises.bad_ground import PASSPHRASE, PASSWORD

if TYPE_CHECKING:
    from tests.promises.bad_ground import Ground

__all__ = ["build"]

MARKED = "$GLOBALS['sitecrew']['mark']"
HOSTILE = (
    '"{\\"wordpress\\":" . str_repeat("[", 200000)',
    '"{\\"wordpress\\": NaN, \\"plugins\\": 7, \\"php\\": {\\"a\\": 1}}"',
    '"{\\"wordpress\\": \\"9\\", \\"plugins\\": [1, null, {\\"slug\\": []}], \\"database_version\\": 1e999}"',
    '"{\\"wordpress\\": \\"9\\", \\"database_version\\": " . str_repeat("9", 6000) . "}"',
    '"[1"',
    '"{}"',
)


def build(ground: Ground) -> None:
    """Everything, and the sshds last."""
    connections(ground)
    shells(ground)
    homes(ground)
    wordpress_accounts(ground)
    wordpress_sites(ground)
    strangers(ground)
    addresses(ground)
    ground.start()


def connections(ground: Ground) -> None:
    """What stands between us and a shell."""
    user = ground.account("plain")
    ground.plain("plain")
    ground.places["plain"].site["tags"] = ["core"]  # known also where memory-64m is left out
    pages = ground.home("plain") / "www"
    shared = {"user": user, "path": pages}
    ground.plain("unknown-key", address=ground.at(31), **shared)
    ground.plain("changed-key", address=ground.at(32), **shared)
    ground.plain("down", address=ground.at(34), **shared)
    ground.plain("black-hole", address=ground.never_answers(35), **shared)
    ground.plain("silent", address=ground.never_greets(36), **shared)

    refused = ground.account("refused-key")
    write(ground.home("refused-key") / ".ssh/authorized_keys", "", mode=0o600)
    shutil.chown(ground.home("refused-key") / ".ssh/authorized_keys", refused, refused)
    ground.plain("refused-key")

    hashed = run("openssl", "passwd", "-6", "-stdin", stdin=PASSWORD).strip()
    for name in ("password", "refused-password"):
        user = ground.account(name, more="PasswordAuthentication yes")
        run("usermod", "-p", hashed, user)
        write(ground.home(name) / ".ssh/authorized_keys", "", mode=0o600)
        shutil.chown(ground.home(name) / ".ssh/authorized_keys", user, user)
    ground.env |= {"RIGHT_PASSWORD": PASSWORD, "WRONG_PASSWORD": "not this one", "PASSPHRASE": PASSPHRASE}
    ground.plain("password", key=None, password={"env": "RIGHT_PASSWORD"})
    ground.plain("refused-password", key=None, password={"env": "WRONG_PASSWORD"})
    account_with(ground, "secret-missing", "")
    ground.plain("secret-missing", key=None, password={"env": "NOBODY_SET_THIS"})

    for name, more in {
        "passphrase": {"passphrase": {"env": "PASSPHRASE"}},
        "passphrase-missing": {},
        "passphrase-wrong": {"passphrase": {"env": "WRONG_PASSWORD"}},
    }.items():
        key = ground.encrypted_key(name)
        account_with(ground, name, key.with_suffix(".pub").read_text())
        ground.plain(name, key=key, **more)
    own = ground.base / "keys/agent"
    account_with(ground, "agent", make_key(own))
    ground.agent(own)
    ground.plain("agent", key=None)
    ground.account("key-missing")
    ground.plain("key-missing", key=ground.base / "keys/nothing-here")

    ground.account("one-session", more="MaxSessions 1")
    ground.plain("one-session")
    ground.account("no-session", more="MaxSessions 0")
    ground.plain("no-session")
    for number in range(6):
        ground.account(f"startups-{number}")
        ground.plain(f"startups-{number}", address=ground.at(33))


def account_with(ground: Ground, name: str, public: str) -> None:
    """An account that knows another key."""
    user = ground.account(name)
    write(ground.home(name) / ".ssh/authorized_keys", public + "\n", mode=0o600)
    shutil.chown(ground.home(name) / ".ssh/authorized_keys", user, user)


def shells(ground: Ground) -> None:
    """What greets us after the login."""
    banner = ground.base / "banner"
    write(banner, "\033]0;owned\007Unauthorised use is prohibited\n" * 20)
    rc = {
        "banners": 'echo "Welcome! $(printf "\\033[31m")"\nprintf "no newline"\necho trouble >&2\n',
        "rc-exits": "echo no interactive login; exit 0\n",
        "rc-floods": "while :; do echo wait, loading your profile; done\n",
        "rc-hangs": "sleep 1000\n",
    }
    for name, text in rc.items():
        user = ground.account(name, login="/bin/bash", more=f"Banner {banner}" if name == "banners" else "")
        write(ground.home(name) / ".bashrc", text)
        shutil.chown(ground.home(name) / ".bashrc", user, user)
        ground.plain(name)
    ground.account("csh", login="/usr/bin/tcsh")
    write(ground.home("csh") / ".cshrc", "echo csh banner\n")
    ground.plain("csh")
    jail = ground.lock_up("busybox")
    user = ground.account("busybox", more=f"ChrootDirectory {ground.jail}")
    run("chown", "-R", f"{user}:{user}", jail)
    ground.plain("busybox", path=ground.home("busybox") / "www")
    ground.pages(jail / "www", user)
    ground.account("sftp-only", more="ForceCommand internal-sftp")
    ground.plain("sftp-only")
    ground.account("no-login", login="/usr/sbin/nologin")
    ground.plain("no-login")


def homes(ground: Ground) -> None:
    """What is wrong with the folder we work in."""
    for name, options in {
        "noexec": "noexec,size=4m",
        "read-only": "size=4m",
        "home-full": "size=512k",
        "quota": "size=64m",
    }.items():
        user, home = ground.user(name), ground.home(name)
        home.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"{options},mode=755", "tmpfs", home)
        ground.mounts.append(home)
        ground.account(name)
        if name == "quota":
            ground.host("web-quota", user, key=ground.key)
            ground.wordpress(home / "www", user)
            ground.place("quota", "web-quota", home / "www", kind="wordpress")
            ground.fill(home)
            continue
        ground.plain(name)
        if name == "read-only":
            run("mount", "-o", "remount,ro", home)
        if name == "home-full":
            for folder in (home / ".sitecrew", home / ".sitecrew/jobs"):
                folder.mkdir(mode=0o700)
                shutil.chown(folder, user, user)
            ground.fill(home)
    user = ground.account("homeless")
    ground.plain("homeless", path=ground.pages(ground.base / "homeless-www", user))


def wordpress_accounts(ground: Ground) -> None:
    """Accounts whose tools are not what they seem."""
    old = ground.base / "bin/old"
    write(old / "php", '#!/bin/sh\nexec /usr/bin/php8.2 -n "$@"\n', mode=0o755)
    narrow = ground.base / "bin/narrow"
    write(narrow / "php", '#!/bin/sh\nulimit -v 90000\nexec /usr/bin/php8.2 "$@"\n', mode=0o755)
    cgi = ground.base / "bin/cgi"
    write(
        cgi / "php",
        "#!/bin/sh\ncase $* in *PHP_SAPI*) printf 'X-Powered-By: PHP/8.2\\r\\n\\r\\ncgi-fcgi';; "
        "*) printf 'X-Powered-By: PHP/8.2\\r\\nContent-type: text/html\\r\\n\\r\\n"
        "PHP Fatal error:  Uncaught Error: Undefined constant STDOUT in phar:///wp:1\\n'; exit 255;; esac\n",
        mode=0o755,
    )
    accounts = {
        "two-php": {"path": str(old)},
        "php-chosen": {"path": str(old), "host": {"php": "/usr/bin/php8.2"}},
        "php-cgi": {"path": str(cgi)},
        "memory-64m": {"ini": "memory_limit = 64M\n"},
        "memory-capped": {"path": str(narrow)},
        "no-proc-open": {"ini": "disable_functions = proc_open,proc_close\n"},
        "no-wp-cli": {"path": "-"},
    }
    for name, about in accounts.items():
        host = about.pop("host", {})
        user = ground.account(name, **about)
        folder = ground.home(name) / "www"
        whole = name == "memory-64m"
        ground.wordpress(folder, user, whole=whole)
        ground.host(f"web-{name}", user, key=ground.key, **host)
        ground.place(name, f"web-{name}", folder, kind="wordpress", tags=["core"] if whole else [])


def wordpress_sites(ground: Ground) -> None:
    """One good account, and sites on it that are not."""
    user = ground.account("sites")
    ground.host("web-sites", user, key=ground.key)
    www = ground.home("sites") / "www"

    def site(name: str, folder: Path | None = None) -> tuple[Path, str]:
        folder = folder or www / name
        database = ground.wordpress(folder, user)
        ground.place(name, "web-sites", folder, kind="wordpress")
        return folder, database

    site("well")
    folder, _ = site("config-above", www / "above/public")
    (folder / "wp-config.php").rename(folder.parent / "wp-config.php")
    folder, database = site("prefix")
    ground.prefix(database, "7Odd_0_")
    ground.config(folder, "'wp_'", "'7Odd_0_'")
    site("odd-path", www / 'it\'s "Größe" $HOME `id` & co; #1/-dash *')
    folder, _ = site("database-down")
    ground.config(folder, f":{ground.fleet.spec.database_port}", ":1")
    folder, _ = site("database-refuses")
    ground.config(folder, "define( 'DB_PASSWORD', '", "define( 'DB_PASSWORD', 'x")
    folder, _ = site("wrong-owner")
    run("chown", "-R", "root:root", folder)
    run("chmod", "-R", "go+rX", folder)
    folder, _ = site("config-unreadable")
    run("chown", "root:root", folder / "wp-config.php")
    folder, _ = site("no-entry")
    run("chown", "root:root", folder)
    folder.chmod(0o700)
    folder, _ = site("mods-off")
    ground.config(folder, "$table_prefix", "define( 'DISALLOW_FILE_MODS', true );\n$table_prefix")
    folder, _ = site("no-wordpress-org")
    (folder / "wp-content/mu-plugins/no-internet-here.php").write_text(
        "<?php add_filter( 'pre_http_request', function () { return new WP_Error( 'x', 'no way out' ); } );"
    )
    folder, _ = site("mu-broken")
    write(folder / "wp-content/mu-plugins/broken.php", "<?php nobody_made_this_function();\n")
    site("disk-full", ground.disk(www / "disk-full", "size=80m", user))
    ground.fill(www / "disk-full")
    ground.place("path-missing", "web-sites", www / "nobody-put-anything-here", kind="wordpress")
    ground.place("static-missing", "web-sites", www / "nor-here")
    (www / "empty").mkdir()
    shutil.chown(www / "empty", user, user)
    ground.place("no-wordpress", "web-sites", www / "empty", kind="wordpress")


def strangers(ground: Ground) -> None:
    """Sites that say what they should not."""
    user, www = ground.user("sites"), ground.home("sites") / "www"
    for name in ("escapes", "floods", "hostile-json", "echoes"):
        ground.wordpress(www / name, user)
        ground.place(name, "web-sites", www / name, kind="wordpress")
    plugins = www / "escapes/wp-content/plugins"
    evil = "\033]0;owned\007\033[2J\u202eEvil \r\033[31mPlugin\u0085\x9b31m"
    write(plugins / "evil/evil.php", f"<?php\n/*\n * Plugin Name: {evil}\n * Version: 1.0\033[31m\n */\n")
    write(plugins / "\033[31mred/red.php", "<?php\n/*\n * Plugin Name: Red\n * Version: 1.0\n */\n")
    must = "wp-content/mu-plugins"
    write(
        www / "echoes" / must / "loud.php",
        '<?php echo "\\033]0;owned\\007\\033[2J<b>Deprecated</b>: noise\\r\\n"; '
        "add_action( 'shutdown', function () { echo '\\n[{\"name\": 1}]'; } );\n",
    )
    write(
        www / "floods" / must / "flood.php",
        "<?php for ( $i = 0; $i < 3000; $i++ ) { echo str_repeat( 'flood ', 4000 ); }\n",
    )
    lines = "\n".join(f'\tfwrite( STDOUT, "\\n" . {MARKED} . " " . {text} . "\\n" );' for text in HOSTILE)
    write(
        www / "hostile-json" / must / "hostile.php",
        f"<?php add_filter( 'locale', function ( $l ) {{\n\tif ( empty( {MARKED} ) ) {{ return $l; }}\n"
        f"{lines}\n\treturn $l; }} );\n",
    )
    for name in ("escapes", "floods", "hostile-json", "echoes"):
        run("chown", "-R", f"{user}:{user}", www / name)
    links = ground.pages(www / "links", user)
    (links / "out").symlink_to("/etc")
    (links / "passwd").symlink_to("/etc/passwd")
    (links / "loop").symlink_to(".")
    ground.place("links", "web-sites", links)


def addresses(ground: Ground) -> None:
    """What visitors meet."""
    pages = ground.home("plain") / "www"
    urls = {
        "name-unknown": "https://no-such-site.sitecrew.invalid",
        "tls-expired": ground.tls(40, days=-3),
        "tls-wrong-name": ground.tls(41, days=90, names=("other.example",)),
        "tls-soon": ground.tls(42, days=9),
        "tls-nobody": f"https://{ground.at(34)}:8443",
        "page-silent": f"http://{ground.at(36)}:2222",
    }
    for number, (name, url) in enumerate(urls.items()):
        folder = ground.pages(ground.home("plain") / f"www{number}", ground.user("plain"))
        ground.place(name, "web-plain", folder, url=url)
    assert pages.exists()
    ground.env["SSL_CERT_FILE"] = str(ground.base / "tls/ca.pem")
