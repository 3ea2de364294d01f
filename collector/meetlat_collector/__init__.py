"""The collector: events in over HTTP, out to the log."""
