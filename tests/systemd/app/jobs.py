"""The Celery application: a queue of files, so that no broker has to run."""
import os

from celery import Celery

QUEUE = os.environ.get("QUEUE_DIR", "/srv/diligence/queue")
for name in ("in", "processed"):
    os.makedirs(os.path.join(QUEUE, name), exist_ok=True)

app = Celery("jobs", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": os.path.join(QUEUE, "in"),
    "data_folder_out": os.path.join(QUEUE, "in"),
    "data_folder_processed": os.path.join(QUEUE, "processed"),
    "store_processed": False,
}


@app.task
def nothing():
    return None
