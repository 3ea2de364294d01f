"""`python -m meetlat` is the command `meetlat`."""

from meetlat.cli import main

main()
