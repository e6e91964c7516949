"""How much feedback noise needs: the comparisons of docs/feedback.md."""
