"""Makes what the API lists beside connections, one file a resource: same seed, same bytes."""
