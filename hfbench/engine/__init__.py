"""One extraction, a file a phase."""
