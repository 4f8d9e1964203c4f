"""What did SES say afterwards?

notifications  what does a notification say?     (SES's JSON -> a value; pure)
bounces        what does a bounce say of the address?
learning       what follows from a batch of them? (suppress, note in the ledger, tell evaluate)
"""
