"""Is this database of the current schema, and if not, what brings it there?"""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path

from tidings.core.errors import InvalidInput
from tidings.store.secrets import Vault

HEAD = "0010"


def upgrade_sqlite(path: Path, vault: Vault, head: str = HEAD) -> None:
    """Bring the database at `path` to `head`, all steps in one transaction; does nothing when it is at HEAD.

    `vault` opens and seals the secrets whose form a step changes.

    Raises InvalidInput for a file that a newer version wrote, or that is no database.
    """
    with sqlite3.connect(path) as connection:
        try:
            connection.execute("pragma journal_mode = wal")
            found = connection.execute("select version_num from alembic_version").fetchone()
        except sqlite3.OperationalError:
            found = None
        except sqlite3.DatabaseError as error:
            raise InvalidInput(str(path), f"is no SQLite database ({error}); name another --data directory") from None
    connection.close()
    if found and found[0] == HEAD:
        return
    if found and found[0] > HEAD:
        raise InvalidInput(str(path), f"was written by a newer Tidings (schema {found[0]}, this one knows {HEAD})")
    run_alembic(f"sqlite:///{path}", vault, head)


def run_alembic(url: str, vault: Vault, head: str) -> None:
    # Imported here: it takes half a second, and only a database that is behind needs it.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    config = Config()
    config.set_main_option("script_location", str(files("tidings.store.migrations")))
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            config.attributes["connection"], config.attributes["vault"] = connection, vault
            command.upgrade(config, head)
    finally:
        engine.dispose()
