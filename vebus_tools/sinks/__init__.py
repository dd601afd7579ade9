"""Where records and dissections go: text, hex panes, machine forms, files."""
