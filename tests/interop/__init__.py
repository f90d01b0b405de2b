"""Real programs, and the test suites of real packages, on PyLoop."""
