"""What every process of the application knows of itself."""
import os
from datetime import datetime, timezone

# `current` is a link: the folder that it led to when this process started names the release.
FOLDER = os.path.dirname(os.path.realpath(__file__))
RELEASE = os.path.basename(FOLDER)
STARTED = datetime.now(timezone.utc).isoformat()
DATABASE = os.environ["DILIGENCE_DATABASE"]
LOG = os.environ.get("LOG_DIR", "/srv/diligence/log")


def deal_type_flag():
    """The flag as this release knows it: the first one knows none."""
    return None
