"""Many jobs as one thing: planned, watched, compared, reported on."""
