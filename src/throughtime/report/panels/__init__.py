"""The panels of the report's page on gradient flow: one idea a file, each from recorded results."""
