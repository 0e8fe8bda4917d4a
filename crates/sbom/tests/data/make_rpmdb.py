"""Writes rpmdb.sqlite: packages that don't exist, in a database as RPM makes it, by SQLite itself.

Usage: make_rpmdb.py FILE
"""

import sqlite3
import struct
import sys


def header(texts, epoch=None):
    index, data = b"", b""
    for tag, value in texts.items():
        kind, values = (8, value) if isinstance(value, list) else (6, [value])
        index += struct.pack(">IIII", tag, kind, len(data), len(values))
        data += b"".join(text.encode() + b"\0" for text in values)
    if epoch is not None:
        data += b"\0" * (-len(data) % 4)
        index += struct.pack(">IIII", 1003, 4, len(data), 1)
        data += struct.pack(">I", epoch)
    return struct.pack(">II", len(index) // 16, len(data)) + index + data


def package(number):
    texts = {
        1000: f"package{number}",
        1001: "1.0",
        1002: "1.el9",
        1014: "MIT",
        1022: "x86_64",
        1044: f"source{number}-1.0-1.el9.src.rpm",
        1047: [f"package{number}", f"lib{number}.so"],
        1049: [f"lib{number - 1}.so", "rpmlib(X)"] if number else ["rpmlib(X)"],
    }
    if number % 10 == 0:
        texts[1005] = "description " * 200
    return header(texts, epoch=2 if number == 0 else None)


database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA page_size = 1024")
database.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
database.execute("CREATE TABLE 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
rows = [package(number) for number in range(60)] + [header({1000: "gpg-pubkey", 1001: "1", 1002: "2"})]
database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(row,) for row in rows])
database.commit()
database.close()
