import Testing

@Suite struct ReplayLogTests {}
