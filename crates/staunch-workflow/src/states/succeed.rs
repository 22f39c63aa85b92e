//! Succeed: ends the flow with the state's output. It has no fields of its own.
