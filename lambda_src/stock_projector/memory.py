"""What a product remembers of the events that changed it, so that none is applied twice.

An entry is the digest of an event's identity and its place, the sequence number of the newest record that
carried the event. The memory holds the newest `CAPACITY` entries; `remembers_after` is the place of the newest
entry it has forgotten. So for every record above `remembers_after`, "not remembered" means "not applied".
"""

from hashlib import blake2b
from typing import Self

CAPACITY = 32
DIGEST_BYTES = 8  # 32 entries of 64 bits: a false match once in 10^17 events


class Memory:
    """Digests of identities with their places, oldest place first."""

    __slots__ = ("_place_of", "remembers_after")

    def __init__(self, place_of: dict[bytes, int] | None = None, remembers_after: int = 0) -> None:
        self._place_of = place_of or {}
        self.remembers_after = remembers_after

    def __contains__(self, identity: bytes) -> bool:
        return identity in self._place_of

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Memory)
            and self.entries() == other.entries()
            and (self.remembers_after == other.remembers_after)
        )

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Self:
        """Return a memory that can go on on its own."""
        return type(self)(dict(self._place_of), self.remembers_after)

    def entries(self) -> list[tuple[bytes, int]]:
        """Return (digest, sequence number) pairs, oldest place first."""
        return list(self._place_of.items())

    def remember(self, identity: bytes, sequence_number: int) -> None:
        """Put the identity at the newest place, and forget the oldest one if there are too many."""
        self._place_of.pop(identity, None)
        self._place_of[identity] = sequence_number
        if len(self._place_of) > CAPACITY:
            oldest = next(iter(self._place_of))
            self.remembers_after = self._place_of.pop(oldest)

    def to_bytes(self) -> bytes:
        """Pack newest first: digest, length of the gap, gap to the next older place.

        The newest place is the item's `last_sequence_number`, so gaps are all it takes: on AWS about 12 bytes
        each instead of the 24 of a whole sequence number, which keeps the item below one write unit.
        """
        packed = bytearray()
        newest_first = self.entries()[::-1]
        places = [place for _, place in newest_first]
        for (digest, place), older in zip(newest_first, [*places[1:], None], strict=True):
            gap = 0 if older is None else place - older
            length = (gap.bit_length() + 7) // 8
            packed += digest + bytes([length]) + gap.to_bytes(length)
        return bytes(packed)

    @classmethod
    def from_bytes(cls, packed: bytes, last_sequence_number: int, remembers_after: int) -> Self:
        """Unpack what `to_bytes` packed."""
        newest_first, place, at = [], int(last_sequence_number), 0
        while at < len(packed):
            gap_at = at + DIGEST_BYTES + 1
            newest_first.append((packed[at : gap_at - 1], place))
            at = gap_at + packed[gap_at - 1]
            place -= int.from_bytes(packed[gap_at:at])
        return cls(dict(reversed(newest_first)), remembers_after)


def identity_of(event_id: str, sequence_number: int) -> bytes:
    """Digest the identity of an event: its `event_id`, or without one its sequence number.

    The two are told apart, or an `event_id` made of digits could pass for somebody's sequence number.
    """
    name = b"id:" + event_id.encode() if event_id else b"at:%d" % sequence_number
    return blake2b(name, digest_size=DIGEST_BYTES).digest()
