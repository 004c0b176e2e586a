"""Which component of a mixed policy a user gets: by a salted hash of the user's id, with nothing to store.

The draw of a user is stable (the same id and salt give it anywhere, at any time, whoever else is in the campaign),
stateless and open to audit. To repeat one by hand, for user 1001 and salt "spring-2026"::

    digest = hashlib.blake2b(b"1001", key=b"spring-2026", digest_size=8).digest()
    (int.from_bytes(digest, "big") >> 11) / 2**53

BLAKE2b is RFC 7693. The shift keeps the 53 bits that a float holds, so that a draw is below one without rounding.

Use a salt of its own for every campaign, and never that of an A/B test: users would be split along the same lines, and
the test would measure the mixture. Draw a user once per campaign, not anew in every step: only then is the cost of the
mixture the weighted sum of its components' costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bethink.tools.budget.cmdp import Floats, Ints

MOST_SALT_BYTES = 64
"""The longest key that BLAKE2b takes."""
BLOCK = 16_384
"""Ids that are Python objects at a time; an array of ids takes far less memory."""

UserIds = NDArray | Sequence[int] | Sequence[str]


def draw(user_ids: UserIds, salt: str) -> Floats:
    """Uniform numbers in [0, 1), one for each user id; float64 [n].

    An id is hashed as its text in UTF-8: 1001, "1001" and b"1001" are the same user, "01001" is another one. About
    half a microsecond an id.

    Args:
        user_ids: whole numbers or texts [n]; anything that NumPy can make an array of.
        salt: 1 to 64 bytes in UTF-8.

    Raises:
        ValueError: an empty or too long salt, ids that are not one-dimensional, a text that is not valid Unicode.
        TypeError: ids that are neither whole numbers nor texts, such as floats, truth values or missing ones.

    Example:
        >>> draw([1001, 1002], "spring-2026").round(4).tolist()
        [0.9828, 0.2544]
    """
    from hashlib import blake2b

    fresh = blake2b(key=_key(salt), digest_size=8).copy
    ids = _ids(user_ids)
    numbers = np.empty(len(ids), np.uint64)
    for first in range(0, len(ids), BLOCK):
        digests = []
        for text in _texts(ids[first : first + BLOCK]):
            hashed = fresh()
            hashed.update(text)
            digests.append(hashed.digest())
        numbers[first : first + BLOCK] = np.frombuffer(b"".join(digests), ">u8")
    return (numbers >> np.uint64(11)).astype(np.float64) * 2.0**-53


def component(user_ids: UserIds, weights: ArrayLike, salt: str) -> Ints:
    """The component k of each user, drawn with probability ``weights[k]``; int64 [n].

    A user gets the first component at which the running sum of the weights exceeds the draw. When a weight changes by
    delta, at most a share delta of the users crosses each border between two components; all others stay.

    Args:
        user_ids: as for :func:`draw`.
        weights: [m], zero or more, summing to one.
        salt: as for :func:`draw`.

    Raises:
        ValueError: weights that are no probabilities; and as :func:`draw`.
        TypeError: as :func:`draw`.
    """
    borders = _borders(weights)
    return np.searchsorted(borders, draw(user_ids, salt), side="right").astype(np.int64)


def _ids(user_ids: UserIds) -> NDArray | list | tuple:
    """A list as it is, anything else as an array of whole numbers or texts."""
    if isinstance(user_ids, str | bytes):
        raise TypeError("A list of user ids is needed, not one text.")
    if isinstance(user_ids, list | tuple):  # NumPy would turn mixed ones into texts, and cut trailing NULs
        return user_ids
    ids = np.asarray(user_ids)
    if ids.ndim != 1:
        raise ValueError(f"User ids must be one-dimensional; their shape is {ids.shape}.")
    if ids.dtype.kind not in "iuOUST":
        missing = " (is one missing?)" if ids.dtype.kind == "f" else ""
        raise TypeError(f"User ids must be whole numbers or texts, not {ids.dtype}{missing}.")
    return ids


def _texts(ids: NDArray | list | tuple) -> Iterable[bytes]:
    """What is hashed of each id: its decimal digits, or its text in UTF-8."""
    if isinstance(ids, list | tuple):
        return map(_text, ids)
    return (b"%d" % number for number in ids.tolist()) if ids.dtype.kind in "iu" else map(_text, ids.tolist())


def _text(user_id: object) -> bytes:
    if isinstance(user_id, bytes):
        return user_id
    if isinstance(user_id, str):
        try:
            return user_id.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"The user id {user_id!r} is not valid Unicode text.") from error
    if isinstance(user_id, int | np.integer) and not isinstance(user_id, bool):
        return b"%d" % user_id
    raise TypeError(f"User ids must be whole numbers or texts; one is {user_id!r} ({type(user_id).__name__}).")


def _key(salt: str) -> bytes:
    key = salt.encode()
    if not 1 <= len(key) <= MOST_SALT_BYTES:
        raise ValueError(f"The salt has {len(key)} bytes in UTF-8; 1 to {MOST_SALT_BYTES} are needed.")
    return key


def _borders(weights: ArrayLike) -> Floats:
    """Where one component ends and the next begins [m - 1]."""
    chances = np.asarray(weights, np.float64)
    if chances.ndim != 1 or not len(chances):
        raise ValueError(f"Weights must be one-dimensional and not empty; their shape is {chances.shape}.")
    if not np.isfinite(chances).all() or (chances < 0).any() or abs(chances.sum() - 1.0) > 1e-8:
        raise ValueError(f"Weights must be zero or more and sum to one, not {chances.tolist()}.")
    borders = np.cumsum(chances)
    borders[int(np.flatnonzero(chances)[-1]) :] = 1.0  # above every draw, so that no component without weight is drawn
    return borders[:-1]
