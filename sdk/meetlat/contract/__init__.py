"""The event contract: what the SDK emits, the collector checks and the aggregator reads."""
