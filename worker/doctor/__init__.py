"""Looks for what is wrong, one small check at a time, and says what to do about it.

`finding`      what a check answers          `check`     a check: its name, and what it needs
`examined`     what there is to look at      `link`      the one connection that most of them share
`examination`  makes all checks, side by side, none of them for long
`expected`     what the catalog should hold: expected.json, made from the migrations
`checks`       the checks, one file a group
`report`       the findings as a table, or as JSON
"""
