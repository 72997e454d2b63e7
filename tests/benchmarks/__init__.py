"""What asv measures at every commit. ``asv.conf.json`` names this folder; docs/history.md says how to run it."""
