"""What each command does, one file a command that gives the exit code, and the parts of these."""
