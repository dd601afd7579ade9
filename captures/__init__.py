"""Sample captures, and the programs that write the synthetic one and the golden texts."""
