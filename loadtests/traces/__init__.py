"""Days of functions in the shape of the public Azure Functions 2019 data set: made, written, read, replayed."""
