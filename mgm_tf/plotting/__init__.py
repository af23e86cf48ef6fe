"""How results look: colours, tiles, panels, pages and the terminal."""
