"""Which book a strategy's rules mean: one is put in the loop's place for each of their types."""

from __future__ import annotations

from numba import typeof, types
from numba.extending import intrinsic, overload

from btkit.engine.books.book import Book
from btkit.engine.books.shares import SHARES
from btkit.engine.books.spread_records import SpreadRules
from btkit.engine.books.spreads import SPREADS
from btkit.engine.inputs import Rules


def _book_for(rules: type) -> Book:
    return SPREADS if issubclass(rules, SpreadRules) else SHARES


def book_of(rules: Rules | SpreadRules) -> Book:
    """Return the book that some rules are for.

    Parameters
    ----------
    rules
        Of shares or of option spreads.
    """
    return _book_for(type(rules))


@intrinsic
def _book(typing_context, rules):
    book = _book_for(rules.instance_class)
    kind = typeof(book)

    def generate(context, builder, signature, arguments):
        # Which function is called is known by its type: with its address, which is another in each
        # process, the loop could not be kept on disk.
        parts = [
            context.get_constant(kind, part)
            if isinstance(kind, types.Integer)
            else context.get_dummy_value()
            for part, kind in zip(book, signature.return_type, strict=True)
        ]
        return context.make_tuple(builder, signature.return_type, parts)

    return kind(rules), generate


overload(book_of)(lambda rules: lambda rules: _book(rules))  # type: ignore[call-arg]  # numba adds the context
