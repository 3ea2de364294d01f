"""The simulated company of `meetlat demo`: what happens there, and what is true of it."""
