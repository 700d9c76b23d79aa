"""Nothing happens here: whatever fails in boot.py fails before anybody can look after it."""
