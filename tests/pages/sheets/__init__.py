"""Pictures of every page in every width and both themes, of a system that had a busy week: for people to look at."""
