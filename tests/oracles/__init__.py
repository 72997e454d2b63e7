"""What tests judge by: it shares no code with what is judged."""
