"""How pixels are converted and encoded."""
