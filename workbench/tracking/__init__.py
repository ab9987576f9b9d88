"""Trackers: what a run reports, in the tools that a team has (docs/trackers.md).

A process of its own follows the files of a run folder and tells one tracker. The job knows nothing
of it, so a tracker that is down, slow or never answers costs the job nothing.
"""
