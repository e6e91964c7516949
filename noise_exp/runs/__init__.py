"""What a run leaves behind: in its own folder as it goes, and as one type once it is over."""
