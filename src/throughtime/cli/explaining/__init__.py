"""Networks worked out on given numbers, for `throughtime explain`."""
