"""The synthetic bus capture: an invented bus, written from the declarations of the protocol.

Nothing in it was measured.  `python -m captures.synthetic`, from the top of the checkout, writes the files anew; the
same seed gives the same bytes.
"""
