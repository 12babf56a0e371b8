"""What each command does, one file a command; each gives the exit code."""
