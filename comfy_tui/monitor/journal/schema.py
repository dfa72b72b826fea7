"""The tables of the journal, and how an older file becomes one of today."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

#: ``PRAGMA application_id``: a file of another program is left alone.
APPLICATION_ID = 0x43544A31
#: Each step leads from the version that is its place to the next one; steps are only ever added.
STEPS: tuple[str, ...] = (
    """
    CREATE TABLE job (
        id INTEGER PRIMARY KEY,
        server TEXT NOT NULL,
        prompt_id TEXT NOT NULL,
        fate TEXT NOT NULL,
        server_name TEXT NOT NULL DEFAULT '',
        title TEXT NOT NULL DEFAULT '',
        ours INTEGER NOT NULL DEFAULT 0,
        evidence TEXT NOT NULL DEFAULT '',
        number REAL,
        client_id TEXT,
        fingerprint TEXT NOT NULL DEFAULT '',
        timing TEXT NOT NULL DEFAULT '',
        created_at_s REAL,
        noted_at_s REAL NOT NULL,
        seen_at_s REAL,
        started_at_s REAL,
        ended_at_s REAL,
        waited_s REAL,
        ran_s REAL,
        outputs TEXT NOT NULL DEFAULT '',
        texts TEXT NOT NULL DEFAULT '',
        error TEXT NOT NULL DEFAULT '',
        vram_before_bytes INTEGER,
        vram_peak_bytes INTEGER,
        vram_after_bytes INTEGER,
        again_as TEXT NOT NULL DEFAULT '',
        again_of TEXT NOT NULL DEFAULT '',
        had_keys INTEGER NOT NULL DEFAULT 0,
        dismissed INTEGER NOT NULL DEFAULT 0,
        wanted TEXT NOT NULL DEFAULT '',
        owner TEXT NOT NULL DEFAULT '',
        changed_at_s REAL NOT NULL DEFAULT 0,
        place INTEGER NOT NULL DEFAULT 0,
        search TEXT NOT NULL DEFAULT '',
        document BLOB,
        UNIQUE (server, prompt_id)
    );
    CREATE INDEX job_by_time ON job (noted_at_s);
    CREATE INDEX job_by_fate ON job (server, fate);
    CREATE INDEX job_by_timing ON job (timing, fate);
    CREATE INDEX job_by_fingerprint ON job (fingerprint, fate);
    CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at_s REAL NOT NULL,
        kind TEXT NOT NULL,
        server TEXT NOT NULL DEFAULT '',
        prompt_id TEXT NOT NULL DEFAULT '',
        title TEXT NOT NULL DEFAULT '',
        text TEXT NOT NULL DEFAULT '',
        severity TEXT NOT NULL DEFAULT 'information'
    );
    CREATE TABLE fact (
        server TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (server, name)
    );
    """,
)
VERSION = len(STEPS)


class NewerJournalError(Exception):
    """The file was made by a newer comfy-tui."""


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date.

    Raises:
        NewerJournalError: a newer comfy-tui made it, or another program; it is not touched.
    """
    if _version(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another console may have done it meanwhile.
        version = _version(connection)
        for step in STEPS[version:]:
            for statement in step.split(";"):
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if version > VERSION or (owner != APPLICATION_ID and tables):
        raise NewerJournalError
    return version
