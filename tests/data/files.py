"""Small raw data sets for tests, written as their publishers write them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

ML_1M = {
    "ratings.dat": b"1::10::5::978300760\n1::9::3::978302109\n2::10::4::978301968\n",
    "movies.dat": (
        "9::Les Misérables (1998)::Drama\n"
        "10::Who? :: The Film (1999)::Animation|Children's\n"
        "11::Never Rated (1950)::War\n"
    ).encode("latin-1"),
    "users.dat": b"1::F::1::10::48067\n2::M::56::16::70072\n",
}
ML_100K = {
    "u.data": b"2\t10\t4\t978301968\n1\t10\t5\t978300760\n",
    "u.item": (
        "10|Caf\xe9 (1994)|01-Jan-1994||http://x|" + "|".join("0001100000000000000") + "\n"
    ).encode("latin-1"),
    "u.user": b"1|24|M|technician|85711\n2|53|F|other|94043\n",
}
ML_20M = {
    "ratings.csv": b"userId,movieId,rating,timestamp\n1,10,3.5,1112486027\n2,11,0.5,1112484676\n",
    "movies.csv": (
        b"movieId,title,genres\n"
        b'10,"American President, The (1995)",Comedy|Drama\n'
        b'11,"Quote ""d"" (2001)",(no genres listed)\n'
    ),
}
ATOMIC = {
    "books.inter": (
        b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        b"anna\tx-10\t4\t100.0\nben\tx-9\t5\t200\n"
    ),
    "books.item": (
        b"item_id:token\ttitle:token_seq\tclass:token_seq\tprice:float\tvector:float_seq\n"
        b"x-10\tTen Things\tFiction Love\t9.5\t0.1 0.2\nx-9\tNine\tFiction\t\t0.3 0.4\n"
    ),
    "books.user": b"user_id:token\tage:token\tzip_code:token\nanna\t24\t01234\nben\t\t99\n",
}


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write the files of a data set into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_zip(path: Path, files: Mapping[str, bytes], prefix: str = "ml/") -> Path:
    """Write the files of a data set into a zip, as GroupLens does: below one folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(prefix + name, content)
    return path
