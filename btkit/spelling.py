"""Words in sentences: which known one was meant by one that is not known, and several in a row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from difflib import SequenceMatcher

_LONGEST = 60
_MOST = 3
_NAMED = 3
# How alike two words are, from 0 to 1, that are one misspelt; long ones may differ a little more.
_ALIKE, _LONG_ALIKE, _WHOLE_ALIKE = 0.8, 0.7, 0.85
_SHORT, _LONG = 4, 7


def count_of(number: int, noun: str) -> str:
    """Return ``1 trade`` or ``1,234 trades``.

    Parameters
    ----------
    number
        How many there are.
    noun
        What they are, in the singular, of which the plural ends in s.
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def near(word: str, known: Collection[str]) -> list[str]:
    """Return the known words that may have been meant, none where none is truly near.

    A word is taken part by part, as underscores divide it, so that a part that two words share
    does not make them alike: ``stop_price`` is not near ``spy_price``, nor ``date`` near ``dte``.

    Parameters
    ----------
    word
        That is not known.
    known
        Those that are.

    Returns
    -------
    list of str
        At most three, the likeliest first.

    Examples
    --------
    >>> near("entry_condition", ["entry_conditions", "exit_conditions"])
    ['entry_conditions']
    >>> near("date", ["dte", "close"])
    []
    """
    wanted = _plain(word)
    if not wanted or len(word) > _LONGEST:
        return []
    for is_near, most in _WAYS:
        found = [name for name in known if is_near(wanted, _plain(name))]
        if found:
            found.sort(key=lambda name: -likeness(wanted, _plain(name)))
            return found[:most]
    return []


def did_you_mean(word: str, known: Collection[str]) -> str | None:
    """Return ``did you mean '...'?`` for the known words near one, or None.

    Parameters
    ----------
    word
        That is not known.
    known
        Those that are.
    """
    found = near(word, known)
    return question(found) if found else None


def question(names: list[str]) -> str:
    """Return ``did you mean 'a', 'b' or 'c'?``.

    Parameters
    ----------
    names
        At least one.
    """
    quoted = [f"'{name}'" for name in names]
    return f"did you mean {listed(quoted, last='or')}?"


def listed(parts: Sequence[str], *, last: str = "and") -> str:
    """Return parts of a sentence in a row.

    Parameters
    ----------
    parts
        In their order; of none the row is empty.
    last
        What stands before the last one.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(parts) <= 1:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def some_of(texts: Sequence[str], *, count: int | None = None, most: int = _NAMED) -> str:
    """Return the first few of some texts in a sentence, and how many more there are.

    Parameters
    ----------
    texts
        In their order.
    count
        How many there are in truth, where `texts` are only the first; None counts them.
    most
        How many are named.

    Examples
    --------
    >>> some_of(["2024-01-02", "2024-01-03"], count=45, most=2)
    '2024-01-02, 2024-01-03 and 43 more'
    """
    named = ", ".join(texts[:most])
    more = (len(texts) if count is None else count) - len(texts[:most])
    return f"{named} and {more:,} more" if more > 0 else named


def _plain(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_").strip("_")


def _joined(word: str) -> str:
    return word.replace("_", "")


def likeness(first: str, second: str) -> float:
    """Return how alike two texts are, from 0 to 1."""
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def _same_letters(wanted: str, name: str) -> bool:
    return _joined(wanted) == _joined(name)


def _part_by_part(wanted: str, name: str) -> bool:
    parts, others = wanted.split("_"), name.split("_")
    if len(parts) != len(others):
        return False
    alone = len(parts) == 1
    return all(_is_misspelt(*pair, alone=alone) for pair in zip(parts, others, strict=True))


def _is_misspelt(part: str, known: str, *, alone: bool) -> bool:
    if part == known or sorted(part) == sorted(known):
        return True
    shorter, longer = sorted((part, known), key=len)
    begins = len(shorter) > 1 and longer.startswith(shorter)
    if len(known) < _SHORT:
        # Any three letters are like some others; only what goes on after them is one misspelt.
        return begins and (not alone or len(longer) - len(shorter) == 1)
    needed = _LONG_ALIKE if len(known) >= _LONG else _ALIKE
    return (begins and not alone) or likeness(part, known) >= needed


def _as_a_whole(wanted: str, name: str) -> bool:
    return len(name) >= _LONG and likeness(_joined(wanted), _joined(name)) >= _WHOLE_ALIKE


def _has_its_parts(wanted: str, name: str) -> bool:
    return "_" in wanted and set(wanted.split("_")) <= set(name.split("_"))


def _begins_like_it(wanted: str, name: str) -> bool:
    if len(wanted) < _SHORT:
        return False
    stem = wanted if len(wanted) <= _LONG else wanted[: len(wanted) * 3 // 4]
    return name.startswith(stem)


_WAYS: tuple[tuple[Callable[[str, str], bool], int], ...] = (
    (_same_letters, 1),
    (_part_by_part, 1),
    (_as_a_whole, 1),
    (_has_its_parts, _MOST),
    (_begins_like_it, _MOST),
)
