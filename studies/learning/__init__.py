"""What noise learns: the tables and figures of docs/learning.md, from sweeps' folders."""
