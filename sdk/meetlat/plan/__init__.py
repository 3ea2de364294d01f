"""What a company says of itself and its use cases of AI: `meetlat.toml`."""
