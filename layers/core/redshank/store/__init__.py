"""Where is it kept? The ports on DynamoDB, through PynamoDB.

tables        the tables and their items, as infra/storage.yaml creates them
contacts      profiles and standings
log           the event log
ledger        the send ledger
members       who is in a segment
suppressions  addresses nothing may be sent to
settings      the live book, keys, pointers
"""
