"""What is said of failures: a build puts their texts here (host_tools/texts.py)."""

ALL = b""
