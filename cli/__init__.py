"""The ``redshank`` command. Not shipped to Lambda.

main      which commands are there?
live      which of them change what is live, or tell of it?
arguments what do several commands take?
telling   how does a person hear of it?
stack     which stack is meant, and what does it consist of?
apply     how does a book become the live one?
plan      what would applying a book change?
backfill  how do contacts that nothing happens to meet a new book?
pausing   how is a workflow stopped at once, and how does it go on?
segments  who is in a segment?
keys      who may call the API?
simulate  what would a book do with a history?
testing   does a book do what its scenarios expect?
explain   why did a contact get an email, or not?
"""
