"""The live panel of `vebus emulate-bms`: cells, signals, outputs, LEDs, the Multi, interlocks, the last events.

``model`` is what there is to show and knows no terminal; ``screen`` makes styled lines of it and knows no bus;
``entry`` is the line for commands; ``terminal`` paints, in a process of its own.
"""
