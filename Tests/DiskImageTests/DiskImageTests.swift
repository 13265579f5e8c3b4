import Testing

@Suite struct DiskImageTests {}
