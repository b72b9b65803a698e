"""What a run has found, for people and for tools: a page, and lines of JSON.

`options` says what is wanted, `collector` takes the results from pytest's own reports, in whatever
process they were made; `page` and `ndjson` write them. A conversation is a `story.Story` on the
way.
"""
