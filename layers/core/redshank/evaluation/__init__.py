"""How is a contact advanced so that nothing is lost or doubled?

    batch      a delivery of the events queue: which inputs for which contact, and which of them failed?
    rounds     steps 1-9 of the protocol: read, judge, write the standing
    finishing  step 10: carry the effects out, then write the log
    sweep      which contacts are due, each minute?

The protocol's steps are numbered as in docs/protocol.md.
"""
