"""What `make torture` is made of: see Scripts/torture."""
