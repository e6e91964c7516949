"""What noise learns: the sweeps, tables and figures of docs/learning.md."""
