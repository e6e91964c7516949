"""Every picture, of plain arrays. Made without pyplot: no window, no global state."""
