"""`python -m captures.screens` writes all screenshots anew."""

from captures.screens import FOLDER, SCREENS, render

for screen in SCREENS:
    (FOLDER / screen.file).write_text(render(screen), encoding="utf-8")
