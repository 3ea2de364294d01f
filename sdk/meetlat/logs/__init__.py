"""The event log: one interface, two implementations (Kafka and embedded)."""
