"""`meetlat export`: the published tables as files that people and programs take with them."""
