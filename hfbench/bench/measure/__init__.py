"""Everything that runs an engine under the clock."""
