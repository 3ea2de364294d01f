"""The published file as people read it: for `meetlat kpi` and `meetlat export`.

Nothing here loads what writes the file (Arrow, numpy): a look at the figures has to be quick.
"""
