"""Tables larger than memory: their rows brought together by series in files on disk."""
