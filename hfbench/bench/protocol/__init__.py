"""Messages, client and server of the worker protocol."""
