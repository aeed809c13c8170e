"""Errors of PostgreSQL, explained."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from runner.errors import LedgerError
from runner.record.database import BUSY_SECONDS, NOT_A_LEDGER

__all__ = ["explained"]

_UNREACHABLE = "check that PostgreSQL runs and can be reached: `sitecrew doctor`"
_BY_CODE = {
    "08": _UNREACHABLE,
    "25006": "the server only reads, as a standby does: connect to the primary",
    "28": "check the user, `ledger.password` in sitecrew.yaml, PGPASSWORD or ~/.pgpass",
    "3D000": "create the database: `createdb -O USER DB`",
    "42501": "grant the user the schema and its tables; the database's owner has both",
    "42P01": "its tables were dropped while in use: restore the database from a dump",
    "42703": f"its tables were changed: {NOT_A_LEDGER}",
    "53100": "free some disk space on the server, then run `sitecrew resume`",
    "53300": "raise max_connections on the server, or run fewer processes",
    "55P03": f"another process locked it for {BUSY_SECONDS:.0f} seconds; try again, or stop that process",
    "57014": "the server is overloaded or a lock is held; try again",
    "57P": f"{_UNREACHABLE}; then run `sitecrew resume`",
}
_BY_TEXT = (
    ("authentication failed", _BY_CODE["28"]),
    ("no password supplied", _BY_CODE["28"]),
    ("no pg_hba.conf entry", "allow this user and address in pg_hba.conf of the server"),
    ("does not exist", _BY_CODE["3D000"]),
    ("too many", _BY_CODE["53300"]),
    ("certificate", "check sslmode and sslrootcert in `ledger:`"),
    ("SSL", "check sslmode in `ledger:`, or enable TLS on the server"),
)
"""An error during connecting has no code."""


def explained(error: Exception, name: str) -> LedgerError:
    """Convert an error of SQLAlchemy or psycopg to one with a hint, without SQL and without values."""
    if isinstance(error, PoolTimeoutError):
        return LedgerError(
            f"ledger {name}: no connection was free within {BUSY_SECONDS:.0f} s",
            hint="the server is overloaded or a lock is held; try again",
        )
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    message = next(iter(str(origin).strip().splitlines()), "") or type(origin).__name__
    return LedgerError(f"ledger {name}: {message}", hint=_hint(origin, message))


def _hint(origin: BaseException, message: str) -> str:
    code = getattr(origin, "sqlstate", None) or ""
    if not code:
        return next((hint for text, hint in _BY_TEXT if text in message), _UNREACHABLE)
    return next((hint for start, hint in _BY_CODE.items() if code.startswith(start)), "")
