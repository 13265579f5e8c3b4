// Raw and qcow2 images: see ARCHITECTURE.md.
