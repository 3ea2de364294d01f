"""Turns the event log of a business process into events: how a company gets its baseline."""
