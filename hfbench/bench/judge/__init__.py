"""Pure decisions on records."""
