import Testing

@Suite struct ByteCodingTests {}
