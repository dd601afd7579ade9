"""Write the synthetic capture and all that is made of it into the checkout."""

from pathlib import Path

from captures.synthetic.files import files

ROOT = Path(__file__).parents[2]

for name, content in files().items():
    target = ROOT / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(content)
