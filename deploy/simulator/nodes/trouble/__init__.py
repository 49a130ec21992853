"""Nodes that do what hostile or careless node packs do; the recordings of 0.33 show a real server with each."""
