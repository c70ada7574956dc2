"""Every cell of a database, decoded in every way it may have been encoded in."""

import base64
import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, create_engine, inspect

from automation.database import driven

PICKLE = b"\x80"
"""What a pickle begins with: something that may hold anything."""


def address(file: Path) -> str:
    """Return the URL of an SQLite file, to be read only."""
    return f"sqlite:///file:{file}?mode=ro&uri=true"


def cells(url: str) -> Iterator[bytes]:
    """Yield every cell of every table of every schema, and all that comes of decoding it."""
    engine = create_engine(driven(url))
    try:
        schemas = inspect(engine).get_schema_names()
        for schema in [each for each in schemas if each != "information_schema"]:
            tables = MetaData()
            tables.reflect(engine, schema=schema)
            with engine.connect() as connection:
                for table in tables.sorted_tables:
                    for row in connection.execute(table.select()):
                        for cell in row:
                            yield from decoded(_bytes(cell))
    finally:
        engine.dispose()


def decoded(cell: bytes) -> Iterator[bytes]:
    """Yield a cell as it is, out of base64 and hexadecimal, and each text of its JSON likewise."""
    yield cell
    for decode in (_base64, bytes.fromhex):
        with contextlib.suppress(ValueError):
            inside = decode(cell.decode())
            if len(inside) > 8:  # shorter ones are words that happen to decode
                yield from decoded(inside)
    with contextlib.suppress(ValueError):
        for text in _texts(json.loads(cell)):
            if text.encode() != cell:
                yield from decoded(text.encode())


def faults(found: Iterable[bytes], secrets: Iterable[str]) -> list[bytes]:
    """Return the cells that hold a secret, or a pickle, in which one could lie unseen."""
    wanted = [each.encode() for each in secrets]
    assert wanted
    return [cell for cell in found if cell[:1] == PICKLE or any(each in cell for each in wanted)]


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _bytes(cell: object) -> bytes:
    if isinstance(cell, bytes | memoryview):
        return bytes(cell)
    return (cell if isinstance(cell, str) else json.dumps(cell, default=str)).encode()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in (*value, *value.values()):
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
