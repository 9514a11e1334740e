"""The endpoint over HTTP: the JSON interface to search, sessions, and what was archived of them.

    request ▶ outermost (log, headers) ▶ access (who is let in) ▶ permission (how much, and by which role)
    ▶ recording (before any of it leaves) ▶ api · artifacts · audit · health · metrics · models · webhooks ▶ answer

`rules` says who may ask at which path, `params` reads what was asked, `answers` spells what is answered,
`problems` every error.
"""

from search.web.app import create_app, create_webhook_app
from search.web.serve import serve
from search.web.services import Services, Webhooks

__all__ = ["Services", "Webhooks", "create_app", "create_webhook_app", "serve"]
