"""Values over time: gathered from dissections, drawn on a terminal or, with matplotlib, as PNG, SVG or PDF."""
