"""The tests of vebus-tools; a package, so that a shared table or builder in it can be imported by name."""
