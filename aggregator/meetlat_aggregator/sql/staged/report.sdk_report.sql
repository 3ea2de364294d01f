SELECT "time", source, started, emitted, spooled, dropped, refused FROM staged_sdk_report
