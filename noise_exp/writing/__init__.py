"""Words for people: tables, pages, the terminal."""
