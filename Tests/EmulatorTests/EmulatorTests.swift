import Testing

@Suite struct EmulatorTests {}
