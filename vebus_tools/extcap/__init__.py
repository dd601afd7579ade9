"""Capture interfaces for Wireshark: what `vebus extcap` says when it is asked, and the pipes that it captures to.

The protocol is that of Wireshark's developer's guide, "Adding Capture Sources with extcap", and of the man page
extcap(4).  `interfaces` and `sentences` answer the questions of every start of Wireshark, so they load neither the
declarations nor the decoder.
"""
