"""Meetlat."""
