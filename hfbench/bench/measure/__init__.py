"""Everything that runs an engine and measures it."""
