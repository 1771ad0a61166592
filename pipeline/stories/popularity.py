"""Which product the next event is about: Zipf's law, whose exponent is the parameter `skew`.

At skew 0 all products are alike. At skew 1 the second product gets half of the first one's events, the third a third of
them; at skew 2 a quarter, a ninth.
"""

from bisect import bisect, insort
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import accumulate
from random import Random

MOST_SKEW = 10  # there the second product already gets one event of the first one's thousand
SKEWS = f"0 (all products alike) to {MOST_SKEW}"


def is_skew(number: float) -> bool:
    """Say whether a number can be a skew; what is not a number (NaN) cannot."""
    return 0 <= number <= MOST_SKEW


class Shelf:
    """The products that are for sale, the most popular first; those that are alike in the order in which they came.

    Popularity belongs to the places: whoever wanted the first product while it is off the shelf takes the next one.
    No step looks at all products, so a story about many of them is written as fast as one about a few.
    """

    def __init__(self, products: Sequence[str], skew: float) -> None:
        if not is_skew(skew):
            raise ValueError(f"{skew!r} is not a skew: {SKEWS}")
        self._products, self._skew = products, skew
        self._number = {product_id: number for number, product_id in enumerate(products)}
        self._weight_up_to = list(accumulate(place**-self._skew for place in range(1, len(products) + 1)))
        self._for_sale: list[str] = []
        self._there: set[str] = set()
        self._missing = list(range(len(products)))  # a heap of numbers; what came back is dropped when it is met

    def __len__(self) -> int:
        return len(self._for_sale)

    def put(self, product_id: str) -> None:
        """Put a product that is not there in its place."""
        insort(self._for_sale, product_id, key=self._rank)
        self._there.add(product_id)

    def take(self, product_id: str) -> None:
        """Take a product off."""
        self._for_sale.remove(product_id)
        self._there.remove(product_id)
        heappush(self._missing, self._number[product_id])

    def missing(self) -> str:
        """Name the first product that is not there; somebody has to be missing."""
        while self._products[self._missing[0]] in self._there:
            heappop(self._missing)
        return self._products[self._missing[0]]

    def choose(self, random: Random) -> str:
        """Draw a product by its popularity."""
        if not self._skew:
            return random.choice(self._for_sale)
        last = len(self._for_sale) - 1
        return self._for_sale[bisect(self._weight_up_to, random.random() * self._weight_up_to[last], 0, last)]

    def choose_any(self, random: Random, chosen: str) -> str:
        """Draw a product whatever its popularity. Where all are alike, the one that was chosen is such a draw."""
        return random.choice(self._for_sale) if self._skew else chosen

    def _rank(self, product_id: str) -> int:
        return self._number[product_id] if self._skew else 0
