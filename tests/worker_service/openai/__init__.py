"""The official openai package, unmodified, at a served API with a worker behind it."""
