"""NumPy alone: what trains one network, usable from a notebook."""
