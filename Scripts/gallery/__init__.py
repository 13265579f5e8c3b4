"""What `make guests` is made of: see Scripts/guests."""
