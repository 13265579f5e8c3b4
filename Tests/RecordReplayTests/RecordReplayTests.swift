import Testing

@Suite struct RecordReplayTests {}
