"""Measurement (records, the engine protocol, machine facts) and judgement (statistics, comparison, the gate)."""
