"""How does a decided email reach the inbox exactly once?

batch      a delivery of a send queue: which emails, and which of them must come again?
gate       may it be sent, as things are now?
rendering  what does it say?
delivery   claim, send, mark
"""
