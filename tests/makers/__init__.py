"""What several tests make or run: clips, servers, fake engines, records."""
