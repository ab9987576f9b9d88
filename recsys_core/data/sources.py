"""The data sets known by name: where they come from and what they must hold."""

from __future__ import annotations

from dataclasses import dataclass

GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
SAMPLE = "sample"


@dataclass(frozen=True)
class Source:
    """A published data set.

    Parameters
    ----------
    name
        What it is called here.
    title
        What its publisher calls it.
    url
        The archive.
    md5
        The checksum that the publisher gives for the archive; None where it gives none.
    interactions, users, items
        What the set holds; items are those with a rating.
    licence
        The terms in a sentence.
    """

    name: str
    title: str
    url: str
    md5: str | None
    interactions: int
    users: int
    items: int
    licence: str = (
        "GroupLens: research use with acknowledgement; no commercial use and no redistribution"
        " without permission"
    )

    @property
    def most_bytes(self) -> int:
        """What the archive can weigh at most; those that there are have less than half of it."""
        return 8 * 2**20 + 16 * self.interactions

    @property
    def counts(self) -> tuple[int, int, int]:
        """Interactions, users and items."""
        return self.interactions, self.users, self.items


#: terms of the releases that may be passed on under the same terms
SHARE_ALIKE = (
    "GroupLens: research use with acknowledgement; redistribution only under the same terms;"
    " no commercial use without permission"
)

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "ml-100k",
            "MovieLens 100K",
            f"{GROUPLENS}ml-100k.zip",
            "0e33842e24a9c977be4e0107933c0723",
            100_000,
            943,
            1_682,
        ),
        Source(
            "ml-1m",
            "MovieLens 1M",
            f"{GROUPLENS}ml-1m.zip",
            "c4d9eecfca2ab87c1945afe126590906",
            1_000_209,
            6_040,
            3_706,
        ),
        Source(
            "ml-10m",
            "MovieLens 10M",
            f"{GROUPLENS}ml-10m.zip",
            "ce571fd55effeba0271552578f2648bd",
            10_000_054,
            69_878,
            10_677,
        ),
        Source(
            "ml-20m",
            "MovieLens 20M",
            f"{GROUPLENS}ml-20m.zip",
            "cd245b17a1ae2cc31bb14903e1204af3",
            20_000_263,
            138_493,
            26_744,
            SHARE_ALIKE,
        ),
        Source(
            "ml-25m",
            "MovieLens 25M",
            f"{GROUPLENS}ml-25m.zip",
            "6b51fb2759a8657d3bfcbfc42b592ada",
            25_000_095,
            162_541,
            59_047,
            SHARE_ALIKE,
        ),
        Source(
            "ml-32m",
            "MovieLens 32M",
            f"{GROUPLENS}ml-32m.zip",
            "d472be332d4daa821edc399621853b57",
            32_000_204,
            200_948,
            84_432,
            SHARE_ALIKE,
        ),
        Source(
            "ml-latest-small",
            "MovieLens latest, small",
            f"{GROUPLENS}ml-latest-small.zip",
            None,
            100_836,
            610,
            9_724,
            SHARE_ALIKE,
        ),
    )
}


def recognise(interactions: int, users: int, items: int) -> Source | None:
    """Find the published set with exactly these counts."""
    found = (s for s in SOURCES.values() if s.counts == (interactions, users, items))
    return next(found, None)
