"""A comparison of gradient methods: what was asked for, shown live, recorded and printed."""
