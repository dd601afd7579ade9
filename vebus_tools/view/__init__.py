"""The live table of `vebus sniff --view`: one row for each kind of message and sender.

``model`` folds records into rows and knows no terminal; ``screen`` makes styled lines of rows and knows no bus;
``keys`` and ``controls`` say what keys do; ``terminal`` reads keys and paints.  The terminal has a process of its own,
which ``window`` starts and ``channel`` feeds: whatever it does, nobody waits for it.
"""
