"""The pages of this service, and how a browser signs in to them. All else they do is asked of `/api/v1`."""
