"""What may be seen by whom, and when: every door shows only what comes from here."""

from naryq.showing.viewer import Viewer

__all__ = ["Viewer"]
