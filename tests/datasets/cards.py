"""What every data set's card must say, whichever kind of set it is."""

from medda_lib.datasets.card import Card


def assert_says_everything(card: Card, *more: str) -> None:
    """Every field of the card, and `more`, stands in its text."""
    flat = " ".join(card.text().split())
    fields = (card.title, card.input, card.label, card.metadata, card.website, card.publication)
    for value in (*fields, card.licence, card.how_to_get, *more, *card.caveats, *card.splits):
        assert value
        assert " ".join(value.split()) in flat
