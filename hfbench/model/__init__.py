"""The frozen values that every layer above shares."""
