"""Which shapes may a book's YAML have? The grammar, as pydantic models.

base         what do all shapes have in common?           (places, unknown keys, what is not built yet)
scalars      how are durations, names and operands written?
times        how are times of day, weekdays, dates and offsets written?
conditions   what can be asked about a contact?
measures     what can its history add up to?              (measures.yaml)
schema       what does the app send?                      (schema.yaml)
prediction   what is to be predicted, and from what?      (models.yaml)
triggers     what starts a journey?
steps        what can a journey do?
snippets     what is a snippet?
workflow     what is a workflow?                          (and a broadcast)
settings     what holds for the whole book?               (redshank.yaml, segments.yaml)
front        what does a template say about itself?        (front matter)
"""
