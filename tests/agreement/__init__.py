"""What others say of the same servers: run by `make agree`, never part of the tests."""
